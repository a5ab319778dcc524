"""A NATS message becomes a dead message: its body whole, and why nobody takes it."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from contracts import subjects
from contracts.dead import MessageParked, ParkedKind
from contracts.envelope import DEFAULT_TENANT
from contracts.streams import REDRIVEN_FROM
from dispatcher.broker import Outgoing


class Found(msgspec.Struct, frozen=True):
    """A message as it lies in its NATS stream, and the durable that did not take it."""

    stream: str
    sequence: int
    subject: str
    durable: str
    body: bytes
    headers: Mapping[str, str]


class _Envelope(msgspec.Struct, frozen=True):
    tenant: str = DEFAULT_TENANT


_tenant = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode


def dead_message(found: Found, reason: str, kind: ParkedKind) -> Outgoing:
    """Return what is published to DEAD; the same message is the same one, however often it is parked."""
    identity = f"{found.stream}-{found.sequence}"
    parked = MessageParked(
        id=identity,
        time=datetime.now(UTC),
        tenant=tenant_of(found.body),
        correlation=identity,
        causation=found.headers.get(REDRIVEN_FROM),
        subject=found.subject,
        durable=found.durable,
        reason=reason,
        body=b64encode(found.body).decode(),
        kind=kind,
    )
    return Outgoing(subjects.of_dead(parked), _encode(parked), parked.id)


def tenant_of(body: bytes) -> str:
    """Return whose a message is, where that much of it can be read."""
    try:
        return _tenant(body).tenant
    except msgspec.MsgspecError:
        return DEFAULT_TENANT
