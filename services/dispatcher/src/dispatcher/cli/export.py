"""All recipients of a campaign as a file, page by page, so that the size of the campaign does not matter."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, TextIO

import msgspec

from dispatcher.cli.answers import Page, Recipient
from dispatcher.cli.client import Client, path_of

PAGE = 1000


class Format(StrEnum):
    """What is written: a table for spreadsheets, or the API's own object in each line."""

    CSV = "csv"
    JSONL = "jsonl"


def write(api: Client, campaign_id: str, status: str | None, form: Format, out: TextIO) -> int:
    """Write a campaign's recipients, in the order of the request; return how many. Nothing is written before the API
    has answered.
    """
    pages = _pages(api, campaign_id, status)
    first = next(pages)
    return _WRITERS[form](chain([first], pages), out)


def _pages(api: Client, campaign_id: str, status: str | None) -> Iterator[list[msgspec.Raw]]:
    path, after = path_of("campaigns", campaign_id, "recipients"), None
    while True:
        answer = api.get(path, status=status, limit=PAGE, after=after)
        page = msgspec.json.decode(answer, type=Page[msgspec.Raw])
        yield page.items
        after = page.next
        if after is None:
            return


def _write_csv(pages: Iterable[list[msgspec.Raw]], out: TextIO) -> int:
    rows = csv.writer(out)
    rows.writerow(Recipient.__struct_fields__)
    written = 0
    for page in pages:
        for raw in page:
            recipient = msgspec.json.decode(raw, type=Recipient)
            rows.writerow(_text(value) for value in msgspec.structs.astuple(recipient))
        written += len(page)
    return written


def _write_lines(pages: Iterable[list[msgspec.Raw]], out: TextIO) -> int:
    written = 0
    for page in pages:
        out.writelines(bytes(raw).decode() + "\n" for raw in page)
        written += len(page)
    return written


_WRITERS = {Format.CSV: _write_csv, Format.JSONL: _write_lines}


def _text(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
