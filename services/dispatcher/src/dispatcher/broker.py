"""NATS: make the streams and durables true or refuse to start, and publish in order, acknowledged."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from contracts import streams
from contracts.streams import Durable, NatsStream

log = logging.getLogger(__name__)

ACK_SECONDS = 10
"""So long a publish waits for the NATS stream's acknowledgement."""
HEADER_BYTES = 512
"""Room for the headers of a message, which count as payload: ids of a batch and of a message, and their names."""


NO_ROOM = 10047
"""The server's error for a NATS stream that does not fit into its `max_file`, with what the others may take."""
TRIES = 20
PAUSE_SECONDS = 0.25
"""So often, and with such pauses, a replica looks whether another one has made a stream."""


class NoRoom(Exception):
    """The server has no room for a NATS stream."""


class Unsafe(Exception):
    """A NATS stream exists and would lose messages."""


class Outgoing(msgspec.Struct, frozen=True):
    """A message to publish; `id` is its `Nats-Msg-Id`, `headers` are those beside it."""

    subject: str
    payload: bytes
    id: str
    headers: Mapping[str, str] = {}


class _BatchError(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _BatchAnswer(msgspec.Struct):
    error: _BatchError | None = None
    seq: int = 0


async def connect(url: str) -> Client:
    """Connect, and stay connected for ever; reasons for errors are logged."""
    return await nats.connect(
        url,
        name="dispatcher",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,
        connect_timeout=5,
        error_cb=_log_error,
    )


async def _log_error(error: Exception) -> None:
    log.warning("nats: %s", error)


async def set_up(jetstream: JetStreamContext) -> None:
    """Create what is missing, bring limits up to date, and refuse what is unsafe. Repeatable."""
    for stream in streams.STREAMS:
        await _set_up_stream(jetstream, stream)
    for durable in streams.DURABLES:
        await _set_up_durable(jetstream, durable)


async def _set_up_stream(jetstream: JetStreamContext, stream: NatsStream) -> None:
    wanted = _config(stream)
    existing = await _found_or_made(jetstream, wanted)
    if existing.storage != StorageType.FILE:
        raise Unsafe(
            f"the NATS stream {stream.name} is kept in memory: a restart would lose it; delete it first"
        )
    if existing.retention != wanted.retention:
        raise Unsafe(
            f"the NATS stream {stream.name} has the retention {existing.retention}, not {stream.retention};"
            " it cannot be changed: delete the stream first"
        )
    limits = _limits(stream)
    if any(getattr(existing, name) != wish for name, wish in limits.items()):
        await jetstream.update_stream(existing.evolve(**limits))


async def _found_or_made(jetstream: JetStreamContext, wanted: StreamConfig) -> StreamConfig:
    """Return a NATS stream as it is, made if it is missing. Replicas that start together may all ask for it, and the
    server counts its room for each of them until one has it.
    """
    for _ in range(TRIES):
        with suppress(NotFoundError):
            return (await jetstream.stream_info(wanted.name or "")).config
        try:
            return (await jetstream.add_stream(wanted)).config
        except APIError as fault:
            if fault.err_code != NO_ROOM:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
    size = f"{(wanted.max_bytes or 0) >> 20} MiB"
    raise NoRoom(
        f"the server has no room for the NATS stream {wanted.name} ({size}): raise max_file in its configuration"
    )


async def _set_up_durable(jetstream: JetStreamContext, durable: Durable) -> None:
    await jetstream.add_consumer(
        durable.stream,
        ConsumerConfig(
            durable_name=durable.name,
            filter_subject=durable.subject,
            ack_wait=durable.ack_wait_seconds,
            max_deliver=durable.max_deliver,
            max_ack_pending=durable.max_ack_pending,
        ),
    )


async def is_caught_up(jetstream: JetStreamContext, durable: Durable, most: int) -> bool:
    """Tell whether at most so many messages wait for a durable; not where the server does not tell."""
    try:
        waiting = await jetstream.consumer_info(durable.stream, durable.name)
    except (NatsError, OSError):  # a time-out is an OSError
        return False
    return (waiting.num_pending or 0) <= most


def _config(stream: NatsStream) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        storage=StorageType.FILE,
        retention=RetentionPolicy(stream.retention),
        **_limits(stream),
    )


def _limits(stream: NatsStream) -> dict[str, Any]:
    """Return what of a NATS stream is ours; all else is the operator's: replicas, placement, the largest message."""
    return {
        "subjects": [stream.subject],
        "discard": DiscardPolicy.NEW,
        "max_bytes": stream.max_bytes,
        "max_age": stream.max_age_seconds,
        "duplicate_window": stream.dedup_seconds,
        "allow_atomic": stream.atomic_batches or None,  # the server leaves a false one out
    }


class Publisher:
    """Publishes a run of messages so that their order holds: all or none at first, one by one where that fails."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ACK_SECONDS)

    def takes(self, message: Outgoing) -> bool:
        """Whether the server lets a message pass (`max_payload`)."""
        return len(message.payload) + HEADER_BYTES <= self._client.max_payload

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when the NATS stream has acknowledged all, in their order; a message it already has is dropped."""
        size = streams.MAX_ATOMIC_BATCH
        for start in range(0, len(messages), size):
            batch = messages[start : start + size]
            if len(batch) == 1 or not await self._publish_batch(batch):
                await self._publish_singly(batch)

    async def _publish_batch(self, batch: Sequence[Outgoing]) -> bool:
        batch_id = uuid4().hex
        for sequence, message in enumerate(batch[:-1], start=1):
            headers = {
                **message.headers,
                **streams.batch_headers(batch_id, sequence, len(batch), message.id),
            }
            await self._client.publish(message.subject, message.payload, headers=headers)
        last = batch[-1]
        headers = {**last.headers, **streams.batch_headers(batch_id, len(batch), len(batch), last.id)}
        answer = await self._client.request(last.subject, last.payload, timeout=ACK_SECONDS, headers=headers)
        error = msgspec.json.decode(answer.data, type=_BatchAnswer).error
        if error is not None and error.err_code != streams.ERROR_BATCH_DUPLICATE:
            log.warning("nats: batch refused code=%d reason=%s", error.err_code, error.description)
        return error is None

    async def _publish_singly(self, batch: Sequence[Outgoing]) -> None:
        for message in batch:
            headers = {**message.headers, streams.MESSAGE_ID: message.id}
            await self._jetstream.publish(message.subject, message.payload, headers=headers)
