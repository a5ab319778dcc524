"""Recipients from a CSV file: one line each, read as it comes, in the ways that spreadsheets write them."""

import csv
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import chain
from typing import IO

import msgspec

from contracts.commands import RecipientSpec
from dispatcher.api.problems import Refusal
from dispatcher.domain.template import fold
from dispatcher.enrolment import Malformed

ADDRESSES = frozenset({"phone", "group_jid"})
OWN = frozenset({*ADDRESSES, "lead_id", "name"})
"""The columns that mean something by themselves; all others are fields for the message."""
DELIMITERS = ",;\t"
SEPARATOR_LINE = re.compile(r"^sep=(.)\s*$", re.IGNORECASE)
"""Excel's own first line, which names the delimiter."""


def recipients(file: IO[bytes]) -> Iterator[RecipientSpec | Malformed]:
    """Read the recipients of a file. Raises `Refusal` where the file as a whole cannot be understood."""
    lines = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    line = 1
    try:
        delimiter, skipped, text = _open(lines)
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        titles = [fold(title) for title in next(rows, [])]
        _require_titles(titles)
        for row in rows:
            line = skipped + rows.line_num
            if any(cell.strip() for cell in row):
                yield _recipient(titles, row, line)
    except UnicodeDecodeError as error:
        raise _refusal(f"the file is not UTF-8 (behind line {line})") from error
    except csv.Error as error:
        raise _refusal(f"the file cannot be read behind line {line}: {error}") from error
    finally:
        lines.detach()


def _open(lines: TextIOWrapper) -> tuple[str, int, Iterator[str]]:
    """Return the delimiter, how many lines stand before the titles, and the lines from the titles on."""
    first = lines.readline()
    if named := SEPARATOR_LINE.match(first):
        return named[1], 1, lines
    return max(DELIMITERS, key=first.count), 0, chain([first], lines)


def _require_titles(titles: Sequence[str]) -> None:
    if not ADDRESSES & set(titles):
        seen = ", ".join(titles) or "nothing"
        raise _refusal(f"the first line must name a column phone or group_jid; it names {seen}")
    twice = {title for title in titles if title and titles.count(title) > 1}
    if twice:
        raise _refusal(f"the first line names a column twice: {', '.join(sorted(twice))}")


def _recipient(titles: Sequence[str], row: Sequence[str], line: int) -> RecipientSpec | Malformed:
    if any(cell.strip() for cell in row[len(titles) :]):
        return Malformed(line, "too_many_cells")
    cells = {title: cell.strip() for title, cell in zip(titles, row, strict=False) if title and cell.strip()}
    known = {title: cells.get(title) for title in OWN}
    fields = {title: cell for title, cell in cells.items() if title not in OWN}
    try:
        return msgspec.convert({**known, "fields": fields}, RecipientSpec)
    except msgspec.ValidationError:
        return Malformed(line, "cell_too_long")


def _refusal(detail: str) -> Refusal:
    return Refusal(400, detail, code="INVALID_FILE", field="recipients")
