"""A NATS message becomes a dead message: its body whole, and why nobody takes it.

Of one that is too large for that (base64 is a third longer, and NATS has a `max_payload`) it is told where it lies.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from nats.errors import Error as NatsError

from contracts import streams, subjects
from contracts.dead import MessageParked, ParkedKind
from contracts.envelope import DEFAULT_TENANT
from contracts.streams import REDRIVEN_FROM
from dispatcher.broker import Outgoing, Publisher
from dispatcher.decoding import UNREADABLE

WORK_QUEUES = {stream.name: stream for stream in streams.STREAMS if stream.retention == "workqueue"}
"""What is acknowledged there is gone; what is skipped stays until it is deleted or too old, and would be delivered to a
new durable. Other NATS streams keep what they have for their age.
"""


class NotParked(Exception):
    """DEAD does not take a dead message now: it is full, or does not answer."""


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


async def park(publisher: Publisher, found: Found, reason: str, kind: ParkedKind) -> bool:
    """Store a message in DEAD; return whether whole, or else without its body. Raises NotParked."""
    message = dead_message(found, found.body, reason, kind)
    whole = publisher.takes(message)
    if not whole:
        place = f"message {found.sequence} of the NATS stream {found.stream}"
        told = f"{reason}; too large to be kept here ({len(found.body)} bytes): it lies as {place}"
        message = dead_message(found, b"", told, kind)
    try:
        await publisher.publish([message])
    except (NatsError, OSError) as fault:
        raise NotParked(repr(fault)) from fault
    return whole


def dead_message(found: Found, body: bytes, reason: str, kind: ParkedKind) -> Outgoing:
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
        body=b64encode(body).decode(),
        kind=kind,
    )
    return Outgoing(subjects.of_dead(parked), _encode(parked), parked.id)


def tenant_of(body: bytes) -> str:
    """Return whose a message is, where that much of it can be read."""
    try:
        return _tenant(body).tenant
    except UNREADABLE:
        return DEFAULT_TENANT
