"""The relay: follows the event store by position and publishes every event to NATS, in order.

One process relays at a time (an advisory lock); the checkpoint moves only after the NATS stream's acknowledgement.
The server ends the connection that holds the lock when nothing was heard on it for a while: a process that is frozen
must not keep the lead. What it still publishes when it wakes was published by another, and is dropped by its id.

An event that can never be published, because it cannot be rendered or is larger than NATS takes, is passed over, logged
and counted: it must not hold up all that comes behind it. Rendering asks nobody, so its faults do not pass; a fault of
NATS or PostgreSQL ends the relay, which starts again where it was.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.broker import Outgoing, Publisher
from dispatcher.publishing import publishable, subject_of
from dispatcher.pulse import Pulse
from dispatcher.store.postgres import Stored, read_after

log = logging.getLogger(__name__)

RELAY_LOCK = 7_318_003
"""Key of the advisory lock that lets one process relay."""
NAME = "events"
BATCH = 500
"""So many events are read and published at a time, as one atomic batch."""
LOOKS = 3
"""So often within the time after which it would lose the lead a relay makes itself heard."""

_LEAD = text("""
    SELECT set_config('idle_session_timeout', :milliseconds, false), set_config('synchronous_commit', 'off', false)
""")
"""A checkpoint that a power cut takes back costs no more than a few events that are published again."""
_LOCK = text("SELECT pg_try_advisory_lock(:key)")
_READ = text("SELECT position FROM relay_checkpoint WHERE name = :name")
_MOVE = text("""
    INSERT INTO relay_checkpoint (name, position) VALUES (:name, :position)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
        WHERE relay_checkpoint.position < excluded.position
""")

_encode = msgspec.json.Encoder().encode


class Unpublishable(msgspec.Struct, frozen=True):
    """Why an event can never be published."""

    reason: str


class Relay:
    """Publishes what is recorded. `sweep_seconds` bounds how long a lost notification delays it; after `lead_seconds`
    without a word it loses the lead.
    """

    def __init__(
        self, engine: AsyncEngine, publisher: Publisher, sweep_seconds: float, lead_seconds: float
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._rest_seconds = min(sweep_seconds, lead_seconds / LOOKS)
        self._lead_seconds = lead_seconds
        self._woken = asyncio.Event()
        self.passed_over = 0
        """So many events could not be published, since the start of this process."""

    def wake(self, _: str = "") -> None:
        """There are new events."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Relay until told to stop; waits in the wings while another process relays. Fails when it lost the lead."""
        async with self._engine.connect() as leading:
            try:
                await leading.execution_options(isolation_level="AUTOCOMMIT")
                await leading.execute(_LEAD, {"milliseconds": str(round(self._lead_seconds * 1000))})
                await self._lead(leading, stopping, pulse)
            finally:  # back in the pool the connection would keep the lock, and everybody else waiting
                await leading.invalidate()

    async def _lead(self, leading: AsyncConnection, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Follow the events once this connection has the lock."""
        while not stopping.is_set():
            self._woken.clear()
            if (await leading.execute(_LOCK, {"key": RELAY_LOCK})).scalar_one():
                await self._follow(leading, stopping, pulse)
                return
            await self._rest(pulse)

    async def _follow(self, leading: AsyncConnection, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Publish batch after batch, and be heard of on the leading connection at each step. That carries short answers
        alone: one that a frozen process does not read would keep the server from ending it.
        """
        async with self._engine.connect() as reading:
            await reading.execution_options(isolation_level="AUTOCOMMIT")
            position = await _checkpoint(leading)
            while not stopping.is_set():
                self._woken.clear()
                stored = await read_after(reading, position, BATCH)
                if stored:
                    position = await self._publish(leading, stored)
                else:
                    position = await _checkpoint(leading)
                pulse.beat()
                if len(stored) < BATCH:
                    await self._rest(pulse)

    async def _publish(self, leading: AsyncConnection, stored: Sequence[Stored]) -> int:
        """Publish a batch, and move the checkpoint behind it; return where that is."""
        rendered = [(event, _rendered(event, self._publisher.takes)) for event in stored]
        await self._publisher.publish([message for _, message in rendered if isinstance(message, Outgoing)])
        position = stored[-1].global_position
        await leading.execute(_MOVE, {"name": NAME, "position": position})
        for event, message in rendered:
            if isinstance(message, Unpublishable):
                self.passed_over += 1
                told = "not published, and passed over: position=%d type=%s: %s"
                log.error(told, event.global_position, event.type, message.reason)
        return position

    async def _rest(self, pulse: Pulse) -> None:
        with pulse.resting(), suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._rest_seconds)


async def _checkpoint(leading: AsyncConnection) -> int:
    """Return up to where all is published."""
    return (await leading.execute(_READ, {"name": NAME})).scalar_one_or_none() or 0


def _rendered(event: Stored, takes: Callable[[Outgoing], bool]) -> Outgoing | Unpublishable | None:
    """Return what is published of an event, if anything, or why it never can be."""
    try:
        message = publishable(event)
        if message is None:
            return None
        outgoing = Outgoing(subject_of(message), _encode(message), message.id)
    except MemoryError:
        raise
    except Exception as fault:  # noqa: BLE001  # whatever it is: it would be the same the next time
        return Unpublishable(f"it cannot be rendered: {type(fault).__name__}")
    if not takes(outgoing):
        return Unpublishable(f"{len(outgoing.payload)} bytes are too many for NATS")
    return outgoing
