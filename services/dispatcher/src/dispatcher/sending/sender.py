"""The sender: claims what is due on the sessions that it holds, commits that each send starts, then calls the VPS.

One loop writes: each turn records the answers that came in and starts what may leave, in one transaction. Woken by
a notification, an answer, or the clock; a sweep catches what a lost notification missed.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.answers import Answer, NotTaken, Unknown
from dispatcher.domain.backoff import draw_of
from dispatcher.handling import Rules, batch
from dispatcher.limits import Day
from dispatcher.pulse import Pulse
from dispatcher.sending import recording
from dispatcher.sending.flight import Caller, Clock, Flight, Ids, Pace
from dispatcher.sending.leases import Leases
from dispatcher.sending.sessions import HeldSession, HeldSessions
from dispatcher.sending.turn import Turns

log = logging.getLogger(__name__)

GIVE_UP_AFTER = 30
"""So many turns in a row may fail (some minutes, by the pauses of the supervisor) before answers are given up."""


class Sender:
    """Serves the sessions that this process holds; `holder` names the process in the leases."""

    def __init__(
        self,
        engine: AsyncEngine,
        rules: Rules,
        caller: Caller,
        pace: Pace,
        clock: Clock,
        ids: Ids,
        holder: str,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._caller = caller
        self._pace = pace
        self._clock = clock
        self.holder = holder
        self.sessions = HeldSessions(pace.lanes)
        self._leases = Leases(engine, holder, pace, clock, self.sessions)
        self._turns = Turns(holder, pace, clock, ids, self.sessions)
        self._landed: list[tuple[Flight, Answer]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._woken = asyncio.Event()

    def wake(self, session_id: str = "") -> None:
        """There may be new work on a session, held or not; on any of them where none is named."""
        if not session_id:
            self.sessions.look_everywhere()
        if not self.sessions.look(session_id):
            self._leases.look(session_id)
        self._woken.set()

    async def run(self, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Send until told to stop; then let the calls in flight finish, record them and give the leases back."""
        while not stopping.is_set():
            await self._turn(claiming=True)  # what is held need not wait for the look at what is free
            await self._keep_leases()
            await self._turn(claiming=True)
            await self._wait(pulse)
        while self._calls or self._landed:
            await self._turn(claiming=False)
            if self._calls:
                await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        await self._leases.leave()

    async def _wait(self, pulse: Pulse) -> None:
        now = self._clock.monotonic()
        wakes_at = self.sessions.wakes_at()
        due_at = self._leases.due_at if wakes_at is None else min(wakes_at, self._leases.due_at)
        with pulse.resting(), suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(0.0, due_at - now))
        self._woken.clear()

    async def _keep_leases(self) -> None:
        await self._leases.keep({flight.session_id for flight, _ in self._landed})

    async def _turn(self, *, claiming: bool) -> None:
        """Record what landed and start what may leave."""
        ready = self.sessions.ready(self._clock.monotonic()) if claiming else []
        landed, self._landed = self._landed, []
        if not ready and not landed:
            return
        try:
            async with batch(self._engine, self._rules, self._clock.now_ms()) as (connection, handling):
                flights = await self._turns.decide(connection, handling, ready, landed)
        except BaseException:
            self._keep(landed)
            self.sessions.look_everywhere()
            raise
        self._failures = 0
        for flight in flights:
            self._launch(flight, handling.changes.campaigns[flight.key[0]].campaign.priority)

    def _keep(self, landed: list[tuple[Flight, Answer]]) -> None:
        """Record these answers with the next turn; give them up when they seem to be what makes the turns fail. What
        they would have told, a callback or the look-up at the deadline will.
        """
        self._failures += 1
        if self._failures % GIVE_UP_AFTER:
            self._landed = [*landed, *self._landed]
        else:
            log.error("[WA_SEND] gave up recording answers=%d after failures=%d", len(landed), self._failures)

    def _launch(self, flight: Flight, priority: str) -> None:
        held = self.sessions.by_id.get(flight.session_id)
        if held is None:
            return
        held.in_flight += 1
        day = held.count()
        held.note(priority)
        longer = self._pace.gap_jitter * draw_of(flight.request.client_ref or "")
        gap_seconds = self._pace.gap_seconds * (1 + longer)
        held.ready_at = self._clock.monotonic() + gap_seconds
        self._spawn(self._call(flight, held, day))

    def _spawn(self, call: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, flight: Flight, held: HeldSession, day: Day | None) -> None:
        """Call the VPS, unless the lease ran out since the commit: then another worker may serve the session."""
        try:
            if self._clock.monotonic() >= held.valid_until:
                log.warning("[WA_SEND] not sent: the lease ran out broadcast_id=%s", flight.key[0])
                return
            answer = await self._caller.send(flight.request, flight.idempotency_key)
            recording.note(flight, answer)
            self._landed.append((flight, answer))
            held.unknowns = held.unknowns + 1 if isinstance(answer, Unknown) else 0
            if isinstance(answer, NotTaken):
                held.discount(day)
        finally:
            held.in_flight -= 1
            held.look = True
            self._woken.set()
