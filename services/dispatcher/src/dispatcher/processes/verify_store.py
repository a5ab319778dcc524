"""Now and then: do the rows of the campaigns that changed lately obey their rules, and say what the events say?"""

import logging
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.projections.verify import Verified, snapshot, verify
from dispatcher.pulse import Pulse

log = logging.getLogger(__name__)

PAGE = 500
"""So many events are folded at a time: nothing else runs meanwhile, some ten milliseconds."""

_END = text("SELECT coalesce(max(global_position), 0) FROM events")
_CHANGED = text("""
    WITH changed AS (
        SELECT DISTINCT CAST(substring(stream FROM '-(.{36})') AS uuid) AS campaign_id FROM events
        WHERE global_position > :position AND (stream LIKE 'campaign-%' OR stream LIKE 'recipient-%')),
    sized AS (
        SELECT campaign_id, coalesce(counted.events, c.recipients) AS events
        FROM changed JOIN campaign_status c USING (campaign_id)
        CROSS JOIN LATERAL (SELECT c.version + sum(r.version) AS events FROM recipient_status r
                            WHERE r.campaign_id = c.campaign_id AND c.recipients <= :events) AS counted)
    SELECT campaign_id, sum(events) OVER (ORDER BY events, campaign_id) <= :events FROM sized
""")
"""A version counts the events of its stream. Who has more recipients than may be folded is not counted any further."""


class Findings(msgspec.Struct):
    """What the checks of this process came to; `found` counts what was wrong in the last one, None before the first."""

    checks: int = 0
    rows: int = 0
    found: int | None = None


class StoreCheck:
    """Checks what changed since it last looked, small campaigns first, about `events` events at a time; what has more
    is left to `dispatcher verify`. Each page is a sign of life.
    """

    def __init__(self, engine: AsyncEngine, events: int, pulse: Pulse) -> None:
        self._engine = engine
        self._events = events
        self._pulse = pulse
        self._position: int | None = None
        self.findings = Findings()

    async def look(self) -> int:
        """Check once; return 0, there is nothing to do at once."""
        async with snapshot(self._engine) as connection:
            end: int = (await connection.execute(_END)).scalar_one()
            if self._position is not None:
                campaigns = await self._changed(connection, self._position)
                found = await verify(connection, campaigns, page=PAGE, tell=lambda _: self._pulse.beat())
                self._note(found, len(campaigns))
            self._position = end
        return 0

    async def _changed(self, connection: AsyncConnection, position: int) -> list[UUID]:
        parameters = {"position": position, "events": self._events}
        changed = [(row[0], row[1]) for row in await connection.execute(_CHANGED, parameters)]
        chosen = [campaign_id for campaign_id, fits in changed if fits]
        if len(chosen) < len(changed):
            log.info("check of the store: left out campaigns=%d, too large", len(changed) - len(chosen))
        return chosen

    def _note(self, verified: Verified, campaigns: int) -> None:
        """Count and log; whom a difference is about is told by `dispatcher verify`, not by a log."""
        rows, found = sum(verified.rows.values()), len(verified.differences) + len(verified.violations)
        self.findings = Findings(self.findings.checks + 1, rows, found)
        if verified.clean:
            log.info("check of the store: clean campaigns=%d rows=%d", campaigns, rows)
        for violation in verified.violations:
            log.error("check of the store: broken rule: %s", violation.rule)
        for table in sorted({difference.table for difference in verified.differences}):
            log.error("check of the store: not what the events say: %s; see `dispatcher verify`", table)
