"""The receipt: how a callback came in, and what every report takes from it. Used by `translate`."""

from datetime import datetime
from typing import TypedDict

import msgspec

from contracts import wire
from contracts.timestamps import instant
from webhook_gateway.callbacks import INT64, UnreadableCallbackError
from webhook_gateway.timestamps import moment_text


class Receipt(msgspec.Struct, frozen=True):
    """How a callback came in: at which hook, for which tenant, when (UTC), and its raw body."""

    hook: str
    tenant: str
    received_at: datetime
    body: bytes


class Shared(TypedDict):
    """The fields that every report has."""

    id: str
    time: datetime
    tenant: str
    correlation: str
    session_id: str | None
    at: datetime
    raw_timestamp: wire.Timestamp
    client_ref: str | None


def shared_fields(callback: wire.Callback, receipt: Receipt, identity: str, session: str | None) -> Shared:
    """Return what every report says; `at` is the VPS's own time, or else the time of receipt."""
    return {
        "id": identity,
        "time": receipt.received_at,
        "tenant": receipt.tenant,
        "correlation": identity,
        "session_id": session,
        "at": instant(callback.timestamp) or receipt.received_at,
        "raw_timestamp": _encodable(callback.timestamp),
        "client_ref": trimmed(callback.client_ref),
    }


def _encodable(raw: wire.Timestamp) -> wire.Timestamp:
    """Keep a raw timestamp whole; an integer beyond 64 bits, which no encoder writes, as its digits."""
    return str(raw) if isinstance(raw, int) and raw not in INT64 else raw


def moment_or_receipt(callback: wire.Callback, receipt: Receipt) -> str:
    """Return the callback's timestamp for its identity; the time of receipt where there is none."""
    return moment_text(callback.timestamp) or receipt.received_at.isoformat()


def trimmed(text: str | None) -> str | None:
    """Return a text without the blanks around it; None where nothing is left."""
    return (text.strip() or None) if text else None


def required(text: str | None, field: str) -> str:
    """Return a text without the blanks around it. Raises `UnreadableCallbackError` where nothing is left."""
    kept = trimmed(text)
    if kept is None:
        raise UnreadableCallbackError(f"$.{field}", "Expected a text that is not blank")
    return kept
