"""The publisher: many requests → few groups. A request waits here until its message is stored.

Group commit: while a group is on its way, whatever comes in gathers; the next free lane takes all of it, up to
a limit. A repeat of an id that is waiting, on its way or lately stored is not published again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from webhook_gateway.batches import NotStoredError, Outcome, Outgoing
from webhook_gateway.recent import Recent

log = logging.getLogger(__name__)

Store = Callable[[Sequence[Outgoing], float], Awaitable[list[Outcome | None]]]
"""Stores a group by a deadline; returns what became of each message. `Batches.store` is one."""

LANES = 2
"""Groups on their way at once, at the most: one is written by the broker while the next travels."""
WORTHWHILE = 64
"""How many must wait for another lane to open. Two half groups cost more than one whole one."""
MAX_GROUP_BYTES = 4 << 20
MAX_WAITING_BYTES = 64 << 20
"""Beyond this, a message is refused at once: the broker is too slow for what comes in."""
ENTRY_BYTES = 1024
"""What a waiting request costs besides its payload, roughly."""


class Entry:
    """A message that waits or is on its way, and the requests that wait for it."""

    __slots__ = ("cost", "deadline", "message", "waiters")

    def __init__(self, message: Outgoing, deadline: float) -> None:
        self.message = message
        self.deadline = deadline
        self.cost = len(message.payload) + ENTRY_BYTES
        self.waiters: list[asyncio.Future[Outcome]] = []


class Publisher:
    """Publishes to one NATS stream. `now` is monotonic seconds, the event loop's own."""

    def __init__(
        self, store: Store, *, seconds: float, max_group: int, recent: Recent, now: Callable[[], float]
    ) -> None:
        self._store_group = store
        self._seconds = seconds
        self._max_group = max_group
        self._recent = recent
        self._now = now
        self._entries: dict[str, Entry] = {}
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._lanes: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def pending(self) -> int:
        """How many messages wait or are on their way."""
        return len(self._entries)

    async def publish(self, message: Outgoing) -> Outcome:
        """Return once the message is stored durably: newly, or as a duplicate, or not because another is stored
        under its id (a conflict). Raises `NotStoredError`.
        """
        known = self._recent.mark_of(message.id, self._now())
        if known is not None:
            return "duplicate" if known == message.mark else "conflict"
        entry = self._entries.get(message.id) or self._enter(message)
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        entry.waiters.append(waiter)
        outcome = await waiter
        return outcome if entry.message.mark == message.mark else "conflict"

    async def drain(self) -> None:
        """Refuse what is new, and return when nothing waits any more."""
        self._closing = True
        while self._lanes:
            await asyncio.wait(self._lanes)

    def _enter(self, message: Outgoing) -> Entry:
        entry = Entry(message, self._now() + self._seconds)
        if self._closing or self._waiting_bytes + entry.cost > MAX_WAITING_BYTES:
            raise NotStoredError
        self._entries[message.id] = entry
        self._waiting.append(entry)
        self._waiting_bytes += entry.cost
        self._open_lane()
        return entry

    def _open_lane(self) -> None:
        """Open a lane if there is none, or another one if enough waits for it."""
        worthwhile = min(WORTHWHILE, self._max_group)
        if self._lanes and (len(self._lanes) == LANES or len(self._waiting) < worthwhile):
            return
        lane = asyncio.get_running_loop().create_task(self._serve_lane())
        self._lanes.add(lane)

    async def _serve_lane(self) -> None:
        """Store group after group until nothing waits.

        The lane gives up its place in the same step in which it finds nothing waiting: a done callback would
        come a turn later, and a message that enters in between would find no lane.
        """
        try:
            while group := self._next_group():
                await self._store(group)
        finally:
            self._lanes.difference_update({asyncio.current_task()})

    def _next_group(self) -> list[Entry]:
        """Take the oldest entries, within the limits of a batch."""
        group: list[Entry] = []
        cost = 0
        while self._waiting and len(group) < self._max_group and cost < MAX_GROUP_BYTES:
            entry = self._waiting.popleft()
            group.append(entry)
            cost += entry.cost
        self._waiting_bytes -= cost
        return group

    async def _store(self, group: list[Entry]) -> None:
        """Store a group by the deadline of its oldest message, and answer all who wait for it."""
        outcomes: list[Outcome | None] = [None] * len(group)
        try:
            outcomes = await self._store_group([entry.message for entry in group], group[0].deadline)
        except Exception:
            log.exception("fault while publishing", extra={"messages": len(group)})
        now = self._now()
        for entry, outcome in zip(group, outcomes, strict=True):
            self._settle(entry, outcome, now)

    def _settle(self, entry: Entry, outcome: Outcome | None, now: float) -> None:
        """Answer the requests of one message; all but the first are repeats."""
        del self._entries[entry.message.id]
        if outcome:
            self._recent.remember(entry.message.id, entry.message.mark, now)
        for waiter in entry.waiters:
            if not waiter.done():
                if outcome:
                    waiter.set_result(outcome)
                else:
                    waiter.set_exception(NotStoredError())
            outcome = outcome and "duplicate"
