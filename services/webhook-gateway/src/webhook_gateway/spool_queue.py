"""The spool queue: one NATS stream's messages in the spool file, written and read beside the event loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from webhook_gateway.batches import Outcome, Outgoing
from webhook_gateway.spool_file import Held, SpoolError, SpoolFile

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 2.0


class SpoolQueue:
    """What the file holds for the NATS stream `name`. `thread` runs what blocks; it has one thread, for all queues.

    `since_ms` is when the oldest came, `refused` how many were put aside, `writable` whether the file took what
    it was given last.
    """

    def __init__(self, name: str, file: SpoolFile, thread: Executor) -> None:
        self.name = name
        self._file = file
        self._thread = thread
        self.since_ms: int | None = None
        self.refused = file.count_refused(name)
        self.writable = True
        self._note_oldest(file.oldest(name, 1))

    def count(self) -> int:
        """Return how many are held. Blocks."""
        return self._file.count(self.name)

    async def append(self, group: Sequence[Outgoing]) -> list[Outcome] | None:
        """Keep a group behind all others; None where the file does not take it."""
        try:
            outcomes = await self._blocking(lambda: self._file.append(self.name, group))
        except SpoolError as fault:
            self._note_fault(fault)
            return None
        self.writable = True
        if self.since_ms is None:
            self.since_ms = self._file.now_ms()
        return outcomes

    async def oldest(self, count: int) -> list[Held]:
        """Return the first messages, in order; none where the file cannot be read."""
        found: list[Held] = []
        try:
            found = await self._blocking(lambda: self._file.oldest(self.name, count))
        except SpoolError as fault:
            self._note_fault(fault)
        self._note_oldest(found)
        return found

    async def remove(self, through: int) -> None:
        """Forget what the stream has, trying until the file lets us: it must not be offered again for ever."""
        await self._insist(lambda: self._file.remove(self.name, through))

    async def remove_ids(self, ids: Sequence[str]) -> int:
        """Forget what the stream has after all; return how many of them were held."""
        return await self._insist(lambda: self._file.remove_ids(self.name, ids))

    async def put_aside(self, held: Held, reason: str) -> None:
        """Take a message that the stream refuses for good out of the way, until the next start."""
        await self._insist(lambda: self._file.put_aside(self.name, held, reason))
        self.refused = await self._insist(lambda: self._file.count_refused(self.name))
        log.error(
            "put aside in the spool until the next start: %s refuses it for good: %s", self.name, reason,
            extra={"id": held.message.id, "subject": held.message.subject, "bytes": len(held.message.payload)},
        )  # fmt: skip

    def note_empty(self) -> None:
        """Note that nothing is held any more."""
        self.since_ms = None

    def _note_oldest(self, found: Sequence[Held]) -> None:
        self.since_ms = found[0].held_at_ms if found else None

    async def _insist(self, write: Callable[[], T]) -> T:
        """Write, trying until the file lets us."""
        while True:
            try:
                result = await self._blocking(write)
            except SpoolError as fault:
                self._note_fault(fault)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.writable = True
                return result

    def _note_fault(self, fault: SpoolError) -> None:
        """Say once that the file fails; every request that it costs is counted as not stored."""
        if self.writable:
            log.error("the spool %s", fault)
        self.writable = False

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
