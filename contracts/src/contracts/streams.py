"""The NATS streams and durables, as data. The dispatcher's set-up makes them true or refuses to start."""

from typing import Literal

import msgspec

from contracts import subjects
from contracts.dead import CallbackQuarantined

SECOND = 1
MINUTE = 60
DAY = 86_400
MIB = 1 << 20

Retention = Literal["limits", "workqueue"]


class NatsStream(msgspec.Struct, frozen=True):
    """A NATS stream. Storage is always file and a full stream always refuses new messages (`discard: new`):
    a full disk would wedge it, and an old message thrown away would be a loss.

    `dedup_seconds` is how long a `Nats-Msg-Id` is remembered, in the server's memory (some 140 bytes each: 3.4 MB for
    200 messages/s in two minutes); senders may repeat themselves for longer, so consumers are idempotent by
    themselves. `max_bytes` must stay below the volume.
    """

    name: str
    subject: str
    retention: Retention = "limits"
    max_bytes: int = 1024 * MIB
    max_age_seconds: int = 7 * DAY
    dedup_seconds: int = 2 * MINUTE
    atomic_batches: bool = True


class Durable(msgspec.Struct, frozen=True):
    """A durable pull consumer. After `max_deliver` deliveries a message is skipped by the server, so the
    number is far above what a passing fault can use up.
    """

    name: str
    stream: str
    subject: str
    ack_wait_seconds: int = 30
    max_deliver: int = 1000
    max_ack_pending: int = 5000


COMMANDS = NatsStream("COMMANDS", subjects.COMMANDS, retention="workqueue", max_age_seconds=30 * DAY)
DELIVERIES = NatsStream("DELIVERIES", subjects.DELIVERIES, max_bytes=2048 * MIB, max_age_seconds=14 * DAY)
EVENTS = NatsStream("EVENTS", subjects.EVENTS, max_bytes=4096 * MIB, max_age_seconds=7 * DAY)
DEAD = NatsStream("DEAD", subjects.DEAD, max_age_seconds=90 * DAY)

ADVISORIES = NatsStream(
    "ADVISORIES", subjects.MAX_DELIVERIES, max_bytes=64 * MIB, max_age_seconds=90 * DAY, atomic_batches=False
)
"""The server says only once, and to nobody in particular, that it gives a message up: kept, so that none is missed."""

STREAMS = (COMMANDS, DELIVERIES, EVENTS, DEAD, ADVISORIES)

DISPATCHER_COMMANDS = Durable("dispatcher-commands", COMMANDS.name, subjects.COMMANDS)
DISPATCHER_DELIVERIES = Durable("dispatcher-deliveries", DELIVERIES.name, subjects.DELIVERIES)
DISPATCHER_DEAD = Durable("dispatcher-dead", DEAD.name, subjects.DEAD)
DISPATCHER_ADVISORIES = Durable("dispatcher-advisories", ADVISORIES.name, subjects.MAX_DELIVERIES)

DURABLES = (DISPATCHER_COMMANDS, DISPATCHER_DELIVERIES, DISPATCHER_DEAD, DISPATCHER_ADVISORIES)

GATEWAY_INBOX = "_INBOX.webhook-gateway"
"""Where the gateway hears the broker's answers. Its own: whoever hears all inboxes hears what consumers fetch."""

GATEWAY_PUBLISHES = (
    subjects.DELIVERIES,
    subjects.of_dead(CallbackQuarantined),
    f"$JS.API.STREAM.INFO.{DELIVERIES.name}",
)
"""All that the gateway's NATS user needs to publish to; it subscribes to nothing but its inbox."""

MAX_ATOMIC_BATCH = 1000
"""Messages in one atomic batch, at the most: the server's own limit (NATS ADR-50)."""

BATCH_ID = "Nats-Batch-Id"
BATCH_SEQUENCE = "Nats-Batch-Sequence"
BATCH_COMMIT = "Nats-Batch-Commit"
MESSAGE_ID = "Nats-Msg-Id"
REDRIVEN_FROM = "Wa-Redriven-From"
"""Header of a dead message that is sent again: its id as a dead message."""
ERROR_BATCH_DUPLICATE = 10201
"""The server's error code when a batch holds a `Nats-Msg-Id` that the stream already has: nothing of it is stored."""


def batch_headers(batch_id: str, sequence: int, size: int, message_id: str) -> dict[str, str]:
    """Return the headers of message `sequence` (from 1) in an atomic batch of `size` (NATS ADR-50)."""
    headers = {BATCH_ID: batch_id, BATCH_SEQUENCE: str(sequence), MESSAGE_ID: message_id}
    if sequence == size:
        headers[BATCH_COMMIT] = "1"
    return headers
