"""Forget what nobody claimed for long: receipts and memberships of messages and groups that are not ours, and the
oldest lines of the quarantine. A report about a send stays until the tenant of its session dismisses it: a dismissal is
its tenant's own. While nobody uses that session it stays, whoever dismisses it, for the tenant that may.
"""

import logging
from collections.abc import Callable

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.attention.items import CALLBACK

log = logging.getLogger(__name__)

PART = 1000
"""So many lines are forgotten in one transaction."""

_PARKED = text(f"""
    DELETE FROM parked_reports WHERE id IN (
        SELECT id FROM parked_reports p WHERE parked_at_ms < :before_ms
          AND (body->>'type' NOT IN ('message.sent', 'message.failed', 'message.errored')
               OR EXISTS (SELECT 1 FROM session_status s
                          JOIN dismissals d ON d.tenant = s.state->>'tenant' AND d.item = '{CALLBACK}' || p.id
                          WHERE s.session_id = p.session_id))
        LIMIT :limit FOR UPDATE SKIP LOCKED)
""")  # noqa: S608  # the inserted text is a constant
_QUARANTINE = text("""
    DELETE FROM quarantine WHERE id IN (
        SELECT id FROM quarantine q WHERE at_ms < :before_ms
          AND NOT EXISTS (SELECT 1 FROM quarantine_redrives r WHERE r.id = q.id)
        LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


class Forgetting(msgspec.Struct, frozen=True):
    """Forgets, part by part; the ages are in ms."""

    engine: AsyncEngine
    parked_ms: int
    quarantine_ms: int
    now_ms: Callable[[], int]

    async def forget(self) -> int:
        """Forget one part of each; return how many lines."""
        parked = await self._delete(_PARKED, self.parked_ms)
        quarantined = await self._delete(_QUARANTINE, self.quarantine_ms)
        if parked or quarantined:
            log.info("forgot parked_reports=%d quarantine=%d", parked, quarantined)
        return parked + quarantined

    async def _delete(self, statement: TextClause, age_ms: int) -> int:
        async with self.engine.begin() as connection:
            done = await connection.execute(statement, {"before_ms": self.now_ms() - age_ms, "limit": PART})
            return done.rowcount
