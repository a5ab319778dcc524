"""Cursors: where a page ended, as an opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from dispatcher.api.problems import Refusal

T = TypeVar("T")


def write(place: object) -> str:
    """Return the cursor for a place."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(cursor: str, kind: type[T]) -> T:
    """Return the place that a cursor holds; a cursor that we did not write is refused."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Refusal(400, "not a cursor of this list", code="INVALID_REQUEST", field="after") from error
