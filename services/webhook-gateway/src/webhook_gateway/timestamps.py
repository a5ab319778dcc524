"""Timestamps of callbacks, as they tell two callbacks apart."""

from contracts.timestamps import instant
from contracts.wire import Timestamp


def moment_text(raw: Timestamp) -> str | None:
    """Return a timestamp as identity sees it: the same instant is the same text however it was written.

    An unreadable text stands for itself; None where there is nothing to tell two callbacks apart by.
    """
    moment = instant(raw)
    if moment is not None:
        return str(round(moment.timestamp() * 1000))
    return raw.strip() or None if isinstance(raw, str) else None
