"""Logging: one line an event, in logfmt; phone numbers and JIDs are masked wherever they come from."""

import logging
import re
import sys

NUMBERS = re.compile(r"\+?\d{7,}(?:-\d{5,})?(?=@(?:g\.us|s\.whatsapp\.net|lid)\b)|\+\d{9,15}\b")
"""A JID's digits, or an E.164 number."""


def mask(text: str) -> str:
    """Hide all but the last three digits of phone numbers and JIDs."""
    return NUMBERS.sub(lambda found: f"…{found[0][-3:]}", text)


class Masking(logging.Formatter):
    """Formats a record, stack trace included, and masks it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return mask(super().format(record))


def set_up(level: str) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Masking("%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
