"""Cursors: where a page ended, as an opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from dispatcher.api.problems import Refusal

T = TypeVar("T")


def write(place: object) -> str:
    """Return the cursor for a place."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(cursor: str, kind: type[T], *, bits: int = 64) -> T:
    """Return the place that a cursor holds; a cursor that we did not write is refused, and one that the store could not
    take: a number of more than `bits`, or a text with a NUL.
    """
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise _refusal() from error
    if not all(_fits(part, bits) for part in (place if isinstance(place, tuple) else (place,))):
        raise _refusal()
    return place


def _fits(part: object, bits: int) -> bool:
    match part:
        case int():
            return -(1 << (bits - 1)) <= part < 1 << (bits - 1)
        case str():
            return "\0" not in part
        case _:
            return True


def _refusal() -> Refusal:
    return Refusal(400, "not a cursor of this list", code="INVALID_REQUEST", field="after")
