"""Callbacks: raw body → typed callback. The border where a body becomes a struct of `contracts.wire`."""

import re

import msgspec

from contracts import wire

ROOT = "$"
INT64 = range(-(2**63), 2**63)
"""The integers that every JSON encoder and reader of ours can hold."""
ERROR_CODES = range(-(2**31), 2**31)
"""The error codes that the dispatcher keeps; those of WhatsApp have three digits."""
BAD_TEXT = "JSON is malformed: bad UTF-8 or nested too deep"


class Hook(msgspec.Struct, frozen=True):
    """One webhook: its name (the last part of its path), its body, and the event words that it knows.

    An empty `events` says that the body carries no event word.
    """

    name: str
    body: msgspec.json.Decoder[wire.Callback]
    events: frozenset[str] = frozenset()


def _decoder(body: type[wire.Callback]) -> msgspec.json.Decoder[wire.Callback]:
    return msgspec.json.Decoder(body)


HOOKS = (
    Hook("send-callback", _decoder(wire.SendCallback), frozenset({"message_sent", "message_failed"})),
    Hook("message-error", _decoder(wire.MessageErrorCallback), frozenset({"message_error"})),
    Hook("read-receipt", _decoder(wire.ReadReceiptCallback), frozenset({"delivered", "read"})),
    Hook("reaction", _decoder(wire.ReactionCallback), frozenset({"reaction_add", "reaction_remove"})),
    Hook("session-status", _decoder(wire.SessionStatusCallback)),
    Hook("membership", _decoder(wire.MembershipCallback), frozenset({"join", "leave"})),
)


class Unfamiliar(wire.Callback, frozen=True, kw_only=True):
    """A callback with an event word that we do not know; nothing else of it is required."""

    event: wire.Word
    session_id: str | None = None


class UnreadableCallbackError(Exception):
    """The body is not what the contract says. `path` is the JSON path of the field at fault."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for a body that it cannot read; the last where it is nested too deep."""
_UNFAMILIAR = msgspec.json.Decoder(Unfamiliar)
_MISSING_FIELD = re.compile(r"missing required field `(?P<name>[^`]+)`")
_PATH = re.compile(r" - at `(?P<path>[^`]+)`$")


def read_callback(hook: Hook, body: bytes) -> wire.Callback:
    """Return the callback that a body holds; `Unfamiliar` where its event word is new to us.

    Raises `UnreadableCallbackError` where the body breaks the contract. A new event word
    excuses missing fields: a newer VPS may say new things in new shapes.
    """
    try:
        callback = hook.body.decode(body)
    except _FAULTS as fault:
        return _read_unfamiliar(hook, body, fault)
    if hook.events and _event_of(callback) not in hook.events:
        return _UNFAMILIAR.decode(body)
    _check_numbers(callback)
    return callback


def _read_unfamiliar(hook: Hook, body: bytes, fault: Exception) -> Unfamiliar:
    """Return the callback if only its event word can be read and is new; else raise for the first fault."""
    if isinstance(fault, msgspec.ValidationError) and hook.events:
        try:
            callback = _UNFAMILIAR.decode(body)
        except _FAULTS as worse:
            raise _unreadable(fault) from worse
        if callback.event not in hook.events:
            return callback
    raise _unreadable(fault) from fault


def _event_of(callback: wire.Callback) -> str:
    return str(getattr(callback, "event", ""))


def _check_numbers(callback: wire.Callback) -> None:
    """Refuse an error code that could never be applied."""
    if isinstance(callback, wire.MessageErrorCallback) and callback.error_code not in ERROR_CODES:
        raise UnreadableCallbackError("$.errorCode", "Number out of range")


def _unreadable(fault: Exception) -> UnreadableCallbackError:
    """Turn a decoder's fault into the field at fault and the reason, without any value of the body."""
    if not isinstance(fault, msgspec.DecodeError):
        return UnreadableCallbackError(ROOT, BAD_TEXT)
    text = str(fault)
    place = _PATH.search(text)
    path = place["path"] if place else ROOT
    reason = _PATH.sub("", text)
    missing = _MISSING_FIELD.search(reason)
    return UnreadableCallbackError(f"{path}.{missing['name']}" if missing else path, reason)
