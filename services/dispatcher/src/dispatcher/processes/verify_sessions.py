"""The rounds: every session is asked now and then, so that what we believe comes true again by itself; one that rests
or is down while messages wait for it, shortly before its rest is over.
"""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain.session import DOWN
from dispatcher.domain.session_decider import PROBE_LEAD_MS
from dispatcher.verification import Verification

BATCH = 100
"""So many sessions are asked at a time."""
DISCONNECTED_ROUNDS = 10
"""A disconnected session that nobody waits for is asked in one of so many rounds: many never come back."""

_CLAIM = text("""
    INSERT INTO session_checks AS c (session_id, asked_at_ms)
    SELECT s.session_id, CAST(:now_ms AS bigint) FROM session_status s LEFT JOIN session_checks known USING (session_id)
    WHERE coalesce(known.asked_at_ms, 0)
          <= CASE WHEN s.status = 'disconnected' THEN CAST(:rarely_before_ms AS bigint) ELSE :verify_before_ms END
       OR (coalesce(s.parked_until_ms, 0) <= :probe_until_ms
           AND (s.status = ANY(CAST(:down AS text[]))
                OR s.parked_until_ms IS NOT NULL AND NOT coalesce(CAST(s.state->>'told_to_wait' AS boolean), false))
           AND coalesce(known.asked_at_ms, 0) <= :probe_before_ms
           AND EXISTS (SELECT 1 FROM campaign_status w
                       WHERE w.session_id = s.session_id AND w.status IN ('queued', 'running') AND w.queued > 0))
    ORDER BY coalesce(known.asked_at_ms, 0) LIMIT :limit
    ON CONFLICT (session_id) DO UPDATE SET asked_at_ms = excluded.asked_at_ms
        WHERE c.asked_at_ms <= :probe_before_ms
    RETURNING session_id
""")
"""Whoever claims a session asks for it: of several replicas one."""


class Rounds:
    """Asks for what is due. `verify_seconds`: how often a session is asked for; one that is disconnected, rarely."""

    def __init__(
        self,
        engine: AsyncEngine,
        verification: Verification,
        verify_seconds: float,
        now_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._verification = verification
        self._verify_ms = round(verify_seconds * 1000)
        self._now_ms = now_ms

    async def go(self) -> int:
        """Ask for one batch; return how many were due."""
        now_ms = self._now_ms()
        parameters = {
            "now_ms": now_ms,
            "verify_before_ms": now_ms - self._verify_ms,
            "rarely_before_ms": now_ms - self._verify_ms * DISCONNECTED_ROUNDS,
            "down": sorted(DOWN),
            "probe_before_ms": now_ms - PROBE_LEAD_MS,
            "probe_until_ms": now_ms + PROBE_LEAD_MS,
            "limit": BATCH,
        }
        async with self._engine.begin() as connection:
            due = list((await connection.execute(_CLAIM, parameters)).scalars())
        if due:
            await self._verification.verify(due)
        return len(due)
