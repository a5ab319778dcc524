"""The watchdog: a VPS that takes messages and never calls back may be sending nothing, or everything unseen.

We are silent, not the VPS, while its callbacks wait in NATS or cannot come: nobody is judged before they have been
applied as they came for a while.
"""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.domain.session import CONNECTED
from dispatcher.domain.session_decider import FallSilent
from dispatcher.handling import Cause, Rules, batch
from dispatcher.translate import to_time

log = logging.getLogger(__name__)

BATCH = 100
"""So many sessions are suspected at a time."""

_SUSPECTS = text("""
    SELECT s.session_id, taken.started_at_ms
    FROM session_status s
    LEFT JOIN session_hearing h USING (session_id)
    CROSS JOIN LATERAL (
        SELECT a.started_at_ms FROM attempts a
        JOIN recipient_status r ON r.campaign_id = a.campaign_id AND r.recipient = a.recipient
        CROSS JOIN LATERAL jsonb_array_elements(r.state->'attempts') AS known(attempt)
        WHERE a.session_id = s.session_id AND a.started_at_ms <= :before_ms AND a.started_at_ms
              > greatest(coalesce(h.heard_at_ms, 0), coalesce(CAST(s.state->>'watched_from_ms' AS bigint), 0))
          AND known.attempt->>'id' = a.attempt_id::text AND known.attempt ? 'accepted_at_ms'
        ORDER BY a.started_at_ms LIMIT 1
    ) taken
    WHERE s.status = :connected AND NOT s.state ? 'silent_since_ms'
      AND NOT coalesce(CAST(s.state->>'paused' AS boolean), false)
    LIMIT :limit
""")
"""With the first message since then that the VPS took: one that it did not take calls nobody back."""


class Suspect(msgspec.Struct, frozen=True):
    """A session that has not been heard of since it took a message at `since_ms`."""

    session_id: str
    since_ms: int


class Watchdog:
    """Finds sessions that fell silent. `pauses`: nothing more leaves through them then. `caught_up` tells whether
    callbacks are applied as they come; it must have done so for `calm_seconds`, at every look.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        rules: Rules,
        silence_seconds: float,
        now_ms: Callable[[], int],
        caught_up: Callable[[], Awaitable[bool]],
        calm_seconds: float,
        *,
        pauses: bool,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._silence_seconds = silence_seconds
        self._now_ms = now_ms
        self._caught_up = caught_up
        self._calm_ms = round(calm_seconds * 1000)
        self._pauses = pauses
        self._calm_since_ms: int | None = None

    async def look(self) -> int:
        """Say of each session that fell silent that it did; return of how many."""
        if not await self._is_calm():
            return 0
        async with self._engine.connect() as connection:
            suspected = await self._suspects(connection)
        return await self._judge() if suspected else 0

    async def _is_calm(self) -> bool:
        now_ms = self._now_ms()
        if not await self._caught_up():
            self._calm_since_ms = None
        elif self._calm_since_ms is None:
            self._calm_since_ms = now_ms
        return self._calm_since_ms is not None and now_ms - self._calm_since_ms >= self._calm_ms

    async def _suspects(self, connection: AsyncConnection) -> list[Suspect]:
        parameters = {
            "before_ms": self._now_ms() - round(self._silence_seconds * 1000),
            "connected": CONNECTED,
            "limit": BATCH,
        }
        return [Suspect(*row) for row in await connection.execute(_SUSPECTS, parameters)]

    async def _judge(self) -> int:
        """Look again where no callback can come in between, and tell those that are still suspected."""
        async with batch(self._engine, self._rules, self._now_ms()) as (connection, handling):
            suspects = await self._suspects(connection)
            await handling.load(connection, session_ids=[suspect.session_id for suspect in suspects])
            for suspect in suspects:
                since = f"{to_time(suspect.since_ms):%Y-%m-%d %H:%M:%S} UTC"
                error = f"no callback has come for any message since {since}, and the VPS says connected"
                command = FallSilent(handling.now_ms, suspect.since_ms, error, self._pauses)
                handling.tell_session(suspect.session_id, command, Cause(suspect.session_id))
                log.warning("[WA_SEND] session=%s fell silent since=%s", suspect.session_id, since)
        return len(suspects)
