"""What the VPS's answers mean, as values and tables. Nothing is marked failed because an answer was slow."""

import msgspec

from contracts.wire import MessageStatusAnswer, SendAnswer, SessionAnswer
from dispatcher.decoding import UNREADABLE
from dispatcher.store.postgres import without_nul


class Accepted(msgspec.Struct, frozen=True):
    """Queued by the VPS; with a `message_id` (older builds, which do not say `accepted`) also sent."""

    message_id: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """The VPS will not send this message."""

    error: str
    vps_error: str | None = None


class NotTaken(msgspec.Struct, frozen=True):
    """Certainly not taken. With `wait_ms` the VPS said when to come again."""

    reason: str
    vps_error: str | None = None
    wait_ms: int | None = None


class Unknown(msgspec.Struct, frozen=True):
    """The request was written, and nobody can say what became of it."""

    reason: str


Answer = Accepted | Rejected | NotTaken | Unknown


class Found(msgspec.Struct, frozen=True):
    """The last message to that recipient, as the VPS remembers it."""

    message_id: str
    timestamp: int | float | str | None


class NotFound(msgspec.Struct, frozen=True):
    """The VPS remembers no message to that recipient."""


class NoLookup(msgspec.Struct, frozen=True):
    """The VPS has no such call: an older build."""


class Unreachable(msgspec.Struct, frozen=True):
    """No usable answer; ask again later."""

    reason: str


Remembered = Found | NotFound | NoLookup | Unreachable


class SessionTold(msgspec.Struct, frozen=True):
    """The state of a session, in the VPS's own word."""

    status: str
    phone_number: str | None = None


DISCONNECTED = "disconnected"
"""What a session is that the VPS does not know."""

NOT_TAKEN = {
    401: "the VPS refused our key",
    403: "the VPS refused our key",
    404: "the VPS has no such call",
    429: "the VPS takes no more messages now",
    503: "the session is not connected",
}
"""Statuses that say that nothing was taken (the VPS contract's table of failures; 403 and 404 beside it: a proxy or
a wrong address answered, not the program that sends)."""

MAX_WORDS = 500
"""So much of the VPS's own words is kept."""
MAX_WAIT_SECONDS = 3600
"""A `Retry-After` beyond this is no rate limit; the session tries again then."""

_decode_send = msgspec.json.Decoder(SendAnswer).decode
_decode_error = msgspec.json.Decoder(SendAnswer).decode
_decode_status = msgspec.json.Decoder(MessageStatusAnswer).decode
_decode_session = msgspec.json.Decoder(SessionAnswer).decode


def read_send(status: int, body: bytes, retry_after: str | None) -> Answer:
    """Return what an answer to `/send` means."""
    words = _words(body)
    if status in NOT_TAKEN:
        return NotTaken(NOT_TAKEN[status], words, _wait_ms(retry_after) if status == 429 else None)
    if 400 <= status < 500 and status != 408:
        return Rejected("rejected by the VPS", words)
    if 300 <= status < 400:
        return Unknown(f"redirected ({status}): something else than the VPS answered")
    if not 200 <= status < 300:
        return Unknown(f"the VPS answered {status}")
    try:
        answer = _decode_send(_text(body))
    except UNREADABLE:
        return Unknown("the VPS's answer could not be read")
    if answer.success is False:
        return Rejected("rejected by the VPS", words)
    if not answer.success:
        return Unknown("the VPS's answer said nothing")
    return Accepted(None if answer.accepted else answer.message_id)


def read_lookup(status: int, body: bytes) -> Remembered:
    """Return what an answer to `/message-status` means."""
    if status == 404:
        return NoLookup()
    if status != 200:
        return Unreachable(f"the VPS answered {status}")
    try:
        answer = _decode_status(_text(body))
    except UNREADABLE:
        return Unreachable("the VPS's answer could not be read")
    if not answer.success:
        return Unreachable("the VPS could not look it up")
    if answer.found and answer.message_id:
        return Found(answer.message_id, answer.timestamp)
    return Unreachable("the VPS's answer names no message") if answer.found else NotFound()


def _text(body: bytes) -> str:
    """Return a body whose ids PostgreSQL can look up; what is not UTF-8 in it becomes the replacement character."""
    return without_nul(body).decode(errors="replace")


def read_status(status: int, body: bytes) -> SessionTold | Unreachable:
    """Return what an answer to `/status` means."""
    if status == 404:
        return SessionTold(DISCONNECTED)
    if status != 200:
        return Unreachable(f"the VPS answered {status}")
    try:
        answer = _decode_session(_text(body))
    except UNREADABLE:
        return Unreachable("the VPS's answer could not be read")
    return SessionTold(answer.status, answer.phone_number)


def _words(body: bytes) -> str | None:
    """Return the VPS's own words: the error of a JSON body, else the beginning of the text."""
    text = body.decode(errors="replace")
    try:
        error = _decode_error(text).error
        return error[:MAX_WORDS] if error else error
    except UNREADABLE:
        return text[:MAX_WORDS].strip() or None


def _wait_ms(retry_after: str | None) -> int | None:
    """Return a `Retry-After` in milliseconds; None when it is missing, a date, which the VPS does not use, or too long
    for Python to read.
    """
    if not retry_after or not retry_after.isdecimal():
        return None
    try:
        seconds = int(retry_after)
    except ValueError:
        return None
    return min(seconds, MAX_WAIT_SECONDS) * 1000
