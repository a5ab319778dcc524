"""Take one batch of NATS messages: decode each by itself, commit all, then ack; then park what cannot be read.

While the database is away a batch is kept and tried again: handed back, each message would use up its deliveries, and
come late when all is well again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.dead import ParkedKind
from contracts.streams import Durable
from dispatcher.broker import Publisher
from dispatcher.consumers.parked import WORK_QUEUES, Found, NotParked, park
from dispatcher.consumers.pull import Pull
from dispatcher.decoding import UNREADABLE, reason_of
from dispatcher.pulse import Pulse
from dispatcher.store.outage import is_outage

log = logging.getLogger(__name__)

T = TypeVar("T")

SINGLY_FROM = 3
"""A message that was delivered so often without success is handled by itself, so that it cannot hold the rest."""
NAK_SECONDS = 1.0
MAX_NAK_SECONDS = 60.0
MAX_NOT_PARKED_SECONDS = 3600.0
"""The longest that a message rests that DEAD does not take: 1,000 times that is longer than messages are kept, so that
none is given up for it.
"""
AWAY_SECONDS = 1.0
"""So long until a batch is tried again after a fault that is none of its messages'."""


class Refused(Exception):
    """A message that can be read but never be carried out; it is parked with this reason."""


class Intake(Generic[T]):
    """The messages of one durable, from the server to the commit. `size` bounds a batch; batches grow with the load,
    since all that arrived while one was committed makes the next.
    """

    def __init__(
        self,
        durable: Durable,
        decode: Callable[[bytes], T],
        handle: Callable[[Sequence[T]], Awaitable[None]],
        client: Client,
        publisher: Publisher,
        size: int,
    ) -> None:
        self.durable = durable
        self._decode = decode
        self._handle = handle
        self._client = client
        self._publisher = publisher
        self._size = size
        self._stopping = asyncio.Event()
        self._pulse = Pulse()

    async def run(self, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Handle what comes, until told to stop."""
        self._stopping, self._pulse = stopping, pulse
        pull = Pull(self._client, self.durable, self._size)
        stopped = asyncio.create_task(stopping.wait())
        try:
            async with pull.subscribed():
                while not stopping.is_set():
                    coming = asyncio.create_task(pull.batch())
                    await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    if coming.done():
                        await self.take(coming.result())
                        pulse.beat()
                    else:
                        coming.cancel()
        finally:
            stopped.cancel()

    async def take(self, messages: Sequence[Msg]) -> None:
        """Handle a batch; each message ends acknowledged, parked, or handed back to come again."""
        readable: list[tuple[Msg, T]] = []
        unreadable: list[tuple[Msg, str]] = []
        for message in messages:
            try:
                readable.append((message, self._decode(message.data)))
            except UNREADABLE as error:
                unreadable.append((message, reason_of(error)))
        await self._commit(readable)
        for message, reason in unreadable:
            await self._park(message, reason)

    async def _commit(self, part: Sequence[tuple[Msg, T]]) -> None:
        if not part:
            return
        try:
            await self._insist(part)
        except Refused as refused:
            await self._refuse(part, str(refused))
        except Exception as fault:
            log.exception("durable=%s messages=%d not handled", self.durable.name, len(part))
            await self._hand_back(part, fault)
        else:
            for message, _ in part:
                await message.ack()
        self._pulse.beat()

    async def _insist(self, part: Sequence[tuple[Msg, T]]) -> None:
        """Handle a part, again and again during an outage: for as long as the server leaves it to us, and then for as
        long as it would not come again.
        """
        seconds = asyncio.get_running_loop().time
        ours_until = seconds() + self.durable.ack_wait_seconds
        while True:
            try:
                await self._handle([content for _, content in part])
            except Exception as fault:
                kept = seconds() < ours_until or any(self._is_last(message) for message, _ in part)
                if self._stopping.is_set() or not kept or not is_outage(fault):
                    raise
                log.warning("durable=%s messages=%d wait: %r", self.durable.name, len(part), fault)
                self._pulse.beat()
            else:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AWAY_SECONDS)

    def _is_last(self, message: Msg) -> bool:
        """Tell whether the server skips a message from now on."""
        return deliveries(message) >= self.durable.max_deliver

    async def _refuse(self, part: Sequence[tuple[Msg, T]], reason: str) -> None:
        """Park a message that can never be carried out; where it was one of several, find out which."""
        if len(part) == 1:
            await self._park(part[0][0], reason)
            return
        for pair in part:
            await self._commit([pair])

    async def _hand_back(self, part: Sequence[tuple[Msg, T]], fault: Exception) -> None:
        """Let a batch that failed come again later; what has failed often is tried by itself, now."""
        stubborn = [pair for pair in part if deliveries(pair[0]) >= SINGLY_FROM]
        if len(part) > 1 and stubborn:
            for pair in stubborn:
                await self._commit([pair])
            part = [pair for pair in part if pair not in stubborn]
        for message, _ in part:
            if self._is_last(message):
                await self._park(message, f"delivered {deliveries(message)} times in vain", "undelivered")
            else:
                await message.nak(delay=rest_seconds(deliveries(message), fault))

    async def _park(self, message: Msg, reason: str, kind: ParkedKind = "unreadable") -> None:
        """Park a message; where DEAD does not take it, let it come again later."""
        metadata = message.metadata
        found = Found(
            metadata.stream,
            metadata.sequence.stream,
            message.subject,
            self.durable.name,
            message.data,
            message.headers or {},
        )
        self._pulse.beat()
        try:
            whole = await park(self._publisher, found, reason, kind)
        except NotParked as fault:
            rest = rest_seconds(deliveries(message), fault)
            log.warning(
                "durable=%s stream=%s message %d comes again in %.0f s; not parked (%s): %s",
                self.durable.name,
                found.stream,
                found.sequence,
                rest,
                reason,
                fault,
            )
            await message.nak(delay=rest)
            return
        log.warning("durable=%s subject=%s parked: %s", self.durable.name, message.subject, reason)
        if whole or found.stream not in WORK_QUEUES:
            await message.term()
        else:
            await message.nak(delay=WORK_QUEUES[found.stream].max_age_seconds)


def deliveries(message: Msg) -> int:
    """Return how often the server has delivered a message, this time included."""
    return message.metadata.num_delivered


def rest_seconds(delivered: int, fault: Exception) -> float:
    """Return how long a message that could not be handled rests: doubling from a second, unless the fault passes by
    itself.
    """
    if is_outage(fault):
        return AWAY_SECONDS
    longest = MAX_NOT_PARKED_SECONDS if isinstance(fault, NotParked) else MAX_NAK_SECONDS
    return float(min(NAK_SECONDS * 2 ** (delivered - 1), longest))
