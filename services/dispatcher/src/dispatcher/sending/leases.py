"""The leases of a process: renewed in time, shared out over the replicas, taken when there is news."""

import logging
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.sending.flight import Clock, Pace
from dispatcher.sending.sessions import HeldSessions
from dispatcher.store import lease

log = logging.getLogger(__name__)


class Leases:
    """Keeps `sessions` in line with the leases that `holder` has. Times are seconds of the monotonic clock."""

    def __init__(
        self, engine: AsyncEngine, holder: str, pace: Pace, clock: Clock, sessions: HeldSessions
    ) -> None:
        self._engine = engine
        self._holder = holder
        self._pace = pace
        self._clock = clock
        self._sessions = sessions
        self._lease_ms = round(pace.lease_seconds * 1000)
        self._take_due = True
        self._news: set[str] = set()
        self._elsewhere: set[str] = set()
        self._renew_at = 0.0
        self._sweep_at = 0.0

    @property
    def due_at(self) -> float:
        """When there is something to do again, news or not."""
        return min(self._renew_at, self._sweep_at)

    def look(self, session_id: str = "") -> None:
        """There may be a session to take: this one, or any where none is named. What others hold is not asked for again
        and again: they tell when they give it back, and the next renewal looks whether they still live.
        """
        if not session_id:
            self._elsewhere.clear()
        self._news.add(session_id)
        self._take_due |= session_id not in self._elsewhere

    async def keep(self, unrecorded: Collection[str]) -> None:
        """Renew in time, give back what others shall serve, and take what is free when there is news or the sweep is
        due. A session of which an answer is still `unrecorded` is not given back.
        """
        now = self._clock.monotonic()
        if now >= self._renew_at:
            await self._renew(now)
        await self._hand_over(unrecorded)
        if now >= self._sweep_at:
            self._sweep_at = now + self._pace.sweep_seconds
            self._sessions.look_everywhere()
            self._take_due = True
        if self._take_due:
            self._take_due = False
            await self._take(now)

    async def _renew(self, now: float) -> None:
        async with self._engine.begin() as connection:
            await lease.announce(connection, self._holder, self._lease_ms)
            kept = await lease.renew(connection, self._holder, self._lease_ms)
            self._sessions.keep(kept, now + self._pace.lease_seconds)
            self._sessions.let_go(await lease.surplus(connection, self._holder))
        self._elsewhere.clear()
        self._take_due |= bool(self._news)
        self._renew_at = now + self._pace.lease_seconds / 3

    async def _hand_over(self, unrecorded: Collection[str]) -> None:
        """Give back, between two messages, what others shall serve."""
        idle = self._sessions.idle_leaving() - set(unrecorded)
        if idle:
            async with self._engine.begin() as connection:
                await lease.give_back(connection, self._holder, idle)
            self._sessions.drop(idle)
            log.info("[WA_SEND] gave back sessions=%d to other replicas", len(idle))

    async def _take(self, now: float) -> None:
        """Take what is free. Whoever had it before may have sent a moment ago: it rests for a gap first."""
        news, self._news = self._news - {""}, set()
        async with self._engine.begin() as connection:
            taken = await lease.take(connection, self._holder, self._lease_ms)
            missed = news - taken.keys()
            self._elsewhere |= await lease.elsewhere(connection, self._holder, missed) if missed else set()
        valid_until = now + self._pace.lease_seconds
        first = {session_id: token for session_id, token in taken.items() if token == 1}
        self._sessions.add(first, valid_until)
        self._sessions.add(taken, valid_until, ready_at=now + self._pace.gap_seconds)

    async def leave(self) -> None:
        """Let others take all of them."""
        async with self._engine.begin() as connection:
            await lease.leave(connection, self._holder)
