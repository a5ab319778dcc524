"""Bodies: what stands in each callback, as literally as the VPS writes it, and on which hook it comes."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from local_stack.simulator.knobs import Knobs, TimestampStyle
from local_stack.simulator.messages import Message
from local_stack.simulator.script import Step

Hook = Literal["send-callback", "message-error", "read-receipt", "reaction", "session-status", "membership"]

HOOKS: dict[str, Hook] = {
    "message_sent": "send-callback",
    "message_failed": "send-callback",
    "message_error": "message-error",
    "delivered": "read-receipt",
    "read": "read-receipt",
    "reaction_add": "reaction",
    "reaction_remove": "reaction",
}

Body = dict[str, object]


def stamp(at_ms: int, style: TimestampStyle, native: TimestampStyle) -> Body:
    """Return the timestamp field in a style; `native` is what the hook uses by itself; `none` is no field."""
    match native if style == "native" else style:
        case "s":
            return {"timestamp": at_ms // 1000}
        case "iso":
            return {"timestamp": iso(at_ms)}
        case "none":
            return {}
        case _:
            return {"timestamp": at_ms}


def iso(at_ms: int) -> str:
    """Return a time as JavaScript's `toISOString` writes it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def render(step: Step, message: Message, knobs: Knobs, written_at_ms: int) -> bytes:
    """Return the JSON of a callback about a message that was written at `written_at_ms` (epoch)."""
    at_ms = written_at_ms + step.happens_ms
    match HOOKS[step.event]:
        case "send-callback":
            body = _send_callback(step, message, knobs.fail_error) | stamp(at_ms, knobs.timestamps, "ms")
        case "message-error":
            body = _message_error(step, message)
        case "read-receipt":
            body = _receipt(step, message, "readerPhone") | stamp(at_ms, knobs.timestamps, "iso")
        case _:
            body = _receipt(step, message, "reactorPhone") | stamp(at_ms, knobs.timestamps, "iso")
    if knobs.echo_client_ref and message.client_ref is not None:
        body["clientRef"] = message.client_ref
    return msgspec.json.encode(body)


def session_status(
    session_id: str, status: str, phone_number: str | None, at_ms: int, style: TimestampStyle
) -> bytes:
    """Return the JSON of a session-status callback."""
    body: Body = {"sessionId": session_id, "status": status}
    if phone_number is not None:
        body["phoneNumber"] = phone_number
    return msgspec.json.encode(body | stamp(at_ms, style, "iso"))


def _send_callback(step: Step, message: Message, fail_error: str) -> Body:
    sent = step.event == "message_sent"
    return {
        "event": step.event,
        "sessionId": message.session_id,
        "groupJid": message.recipient,
        "messageId": message.message_id if sent else None,
        "status": "sent" if sent else "failed",
        "error": None if sent else fail_error,
    }


def _message_error(step: Step, message: Message) -> Body:
    return {
        "event": step.event,
        "sessionId": message.session_id,
        "messageId": message.message_id,
        "errorCode": step.error.code if step.error else 0,
        "errorMessage": step.error.message if step.error else "",
        "groupJid": message.recipient,
    }


def _receipt(step: Step, message: Message, reader_field: str) -> Body:
    assert step.receipt is not None  # noqa: S101 - receipts and reactions are made from one
    body: Body = {
        "event": step.event,
        "sessionId": step.receipt.session_id or message.session_id,
        "messageId": message.message_id,
        "groupJid": message.recipient,
        reader_field: step.receipt.reader,
    }
    if step.receipt.emoji is not None:
        body["emoji"] = step.receipt.emoji
    return body
