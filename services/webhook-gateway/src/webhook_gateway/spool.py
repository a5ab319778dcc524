"""The spool: stands between publisher and batches, for one NATS stream, and keeps what the stream does not take.

A group that the stream does not acknowledge in time goes to the spool file and counts as stored. Its answer is
waited for all the same: what the stream has after all leaves the file. `run` brings the rest to the stream, in
order, as soon as the stream answers again. A message leaves the file only after its acknowledgement: what is lost
in between (a crash, an answer that never came) is offered again under the same id.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from webhook_gateway.batches import Outcome, Outgoing, Taken
from webhook_gateway.spool_file import Held
from webhook_gateway.spool_queue import SpoolQueue
from webhook_gateway.turnstile import Turnstile, Way

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 2.0
"""After an offer that the stream did not take whole: twice as long each time that it took nothing, up to this. So a
refusal of a bad moment that looks like one for good puts a few messages aside, and not all.
"""


class Stream(Protocol):
    """The NATS stream, as `Batches` offers it."""

    async def until_connected(self) -> None:
        """Return once there is somebody to offer to."""

    async def offer(self, group: Sequence[Outgoing]) -> list[Outcome | None]:
        """Try each message once; None where the stream did not acknowledge."""

    async def offer_in_order(self, group: Sequence[Outgoing]) -> Taken:
        """Try messages in order, up to the first that the stream does not take."""


class Late(NamedTuple):
    """A group that goes to the file, because the stream's answer to it is late."""

    group: Sequence[Outgoing]
    answer: "asyncio.Future[list[Outcome | None]]"
    keeping: "asyncio.Future[list[Outcome] | None]"


class Spool:
    """Keeps messages of one NATS stream. `patience_seconds` is how long a sender waits for the stream."""

    def __init__(self, stream: Stream, queue: SpoolQueue, max_group: int, patience_seconds: float) -> None:
        self.queue = queue
        self._stream = stream
        self._max_group = max_group
        self._patience_seconds = patience_seconds
        self._turnstile = Turnstile(queue.count())
        self._late: deque[Late] = deque()
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()
        self.kept = 0
        self.drained = 0

    @property
    def held(self) -> int:
        """How many messages are in the file."""
        return self._turnstile.held

    async def store(self, group: Sequence[Outgoing], deadline: float) -> list[Outcome | None]:
        """Store a group in the stream or the file; None for what neither took by `deadline` (the loop's time)."""
        if await self._way() is Way.SPOOL:
            kept = await _by(deadline, asyncio.ensure_future(self._keep(group)))
            return [None] * len(group) if kept is None else list(kept)
        answer = asyncio.ensure_future(self._stream.offer(group))
        if await _within(self._patience_seconds, answer) is None:
            return await self._store_late(group, answer, deadline)
        outcomes = answer.result()
        left = [place for place, outcome in enumerate(outcomes) if outcome is None]
        if left:
            keeping = asyncio.ensure_future(self._keep([group[place] for place in left]))
            for place, outcome in zip(left, await _by(deadline, keeping) or (), strict=False):
                outcomes[place] = outcome
        return outcomes

    async def _store_late(
        self, group: Sequence[Outgoing], answer: "asyncio.Future[list[Outcome | None]]", deadline: float
    ) -> list[Outcome | None]:
        """Keep a group whose answer is late; only where the file does not take it, that is still waited for."""
        keeping = asyncio.ensure_future(self._keep(group))
        self._late.append(Late(group, answer, keeping))
        kept = await _by(deadline, keeping)
        if kept is not None:
            return list(kept)
        return await _by(deadline, answer) or [None] * len(group)

    async def run(self) -> None:
        """Bring to the stream what the file holds, until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._changed.clear()
            if not self.held and not self._late:
                await self._changed.wait()
                continue
            await self._stream.until_connected()
            drained = self.drained
            whole = await self._drains()
            if self.drained > drained:
                pause = FIRST_PAUSE_SECONDS
            if not whole:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE_SECONDS)

    async def _drains(self) -> bool:
        """Drain some; what nobody thought of is logged and counts as not taken: nothing else empties the file."""
        try:
            taken = await (self._settle(self._late.popleft()) if self._late else self._drain_some())
            if not self.held:
                self.queue.note_empty()
        except Exception:
            log.exception("the way from the spool to %s failed; it begins again", self.queue.name)
            return False
        return taken

    async def until_empty(self) -> None:
        """Return once nothing is held any more, or the stream did not take what it was offered."""
        while self.held:
            self._moved.clear()
            await self._moved.wait()
            if not self._turnstile.answers:
                return

    async def _way(self) -> Way:
        while self._turnstile.way is Way.WAIT:
            self._moved.clear()
            await self._moved.wait()
        return self._turnstile.way

    async def _keep(self, group: Sequence[Outgoing]) -> list[Outcome] | None:
        """Write a group to the file; None where that failed. Never cancelled: the count must be kept."""
        self._turnstile.begin_append()
        outcomes: list[Outcome] | None = None
        try:
            outcomes = await self.queue.append(group)
        finally:
            added = (outcomes or []).count("accepted")
            self._turnstile.end_append(added)
            self._changed.set()
        self.kept += added
        return outcomes

    async def _settle(self, late: Late) -> bool:
        """Wait for a late answer, and forget what the stream has after all; return whether that is all of it."""
        self._let_new_groups_pass()
        outcomes = await late.answer
        if await late.keeping is None:
            return True
        there = [message.id for message, outcome in zip(late.group, outcomes, strict=True) if outcome]
        removed = await self.queue.remove_ids(there)
        self._note_drained(len(late.group), removed, removed)
        return len(there) == len(late.group)

    async def _drain_some(self) -> bool:
        """Offer the oldest messages; return whether the stream took them all. What it never takes is put aside."""
        if self._turnstile.begin_drain(self._max_group):
            while not self._turnstile.settled:
                self._changed.clear()
                await self._changed.wait()
        oldest: list[Held] = []
        taken, passed = Taken(0), 0
        try:
            oldest = await self.queue.oldest(self._max_group)
            taken = await self._offer_patiently([held.message for held in oldest])
            passed = taken.count + (taken.refusal is not None)
        finally:
            offered = len(oldest) if taken.refusal is None else passed
            self._note_drained(offered or 1, taken.count, passed)
        if taken.count:
            await self.queue.remove(oldest[taken.count - 1].position)
        if taken.refusal is not None:
            self._let_new_groups_pass()
            await self.queue.put_aside(oldest[taken.count], taken.refusal)
        return 0 < taken.count == len(oldest)

    async def _offer_patiently(self, group: Sequence[Outgoing]) -> Taken:
        """Wait for the answer, however late it is; but new groups wait for it no longer than they would for theirs."""
        answer = asyncio.ensure_future(self._stream.offer_in_order(group))
        try:
            if await _within(self._patience_seconds, answer) is None:
                self._let_new_groups_pass()
            return await answer
        finally:
            answer.cancel()

    def _let_new_groups_pass(self) -> None:
        self._turnstile.end_hand_over()
        self._moved.set()

    def _note_drained(self, offered: int, taken: int, passed: int) -> None:
        self.drained += taken
        self._turnstile.end_drain(offered, passed)
        self._moved.set()


async def _by(deadline: float, future: "asyncio.Future[T]") -> T | None:
    """Return the result if it comes by `deadline` (the loop's time); what takes longer goes on by itself."""
    return await _within(max(0.0, deadline - asyncio.get_running_loop().time()), future)


async def _within(seconds: float, future: "asyncio.Future[T]") -> T | None:
    """Return the result if it comes within `seconds`; what takes longer goes on by itself."""
    done, _ = await asyncio.wait({future}, timeout=seconds)
    return future.result() if done else None
