"""Quarantine: callbacks that cannot become a report are kept aside, whole, so that they can be replayed."""

import base64

import msgspec

from contracts import subjects
from contracts.dead import CallbackQuarantined, QuarantineKind
from webhook_gateway.batches import Outgoing
from webhook_gateway.callbacks import BAD_TEXT, ROOT, Unfamiliar, UnreadableCallbackError
from webhook_gateway.identity import content_id
from webhook_gateway.receipt import Receipt

_ENCODER = msgspec.json.Encoder()


def invalid(receipt: Receipt, fault: UnreadableCallbackError) -> Outgoing:
    """Return the message that keeps a body which is not what the contract says."""
    return _kept(receipt, "invalid", str(fault))


def unknown(receipt: Receipt, callback: Unfamiliar) -> Outgoing:
    """Return the message that keeps a callback with a new event word. Raises `UnreadableCallbackError` where its
    body is no text.
    """
    try:
        receipt.body.decode()
    except UnicodeDecodeError:
        raise UnreadableCallbackError(ROOT, BAD_TEXT) from None
    return _kept(receipt, "unknown", f"$.event: unknown word `{callback.event}`")


def conflict(receipt: Receipt, report_id: str) -> Outgoing:
    """Return the message that keeps a callback which says something else than the report of the same id."""
    return _kept(receipt, "conflict", f"differs from {report_id}, which was stored before", report_id)


def _kept(receipt: Receipt, kind: QuarantineKind, reason: str, causation: str | None = None) -> Outgoing:
    body = base64.b64encode(receipt.body).decode()
    identity = content_id("cq", receipt.tenant, receipt.hook, body)
    message = CallbackQuarantined(
        id=identity,
        time=receipt.received_at,
        tenant=receipt.tenant,
        correlation=causation or identity,
        causation=causation,
        hook=receipt.hook,
        reason=reason,
        body=body,
        kind=kind,
    )
    return Outgoing(identity, subjects.of_dead(message), _ENCODER.encode(message))
