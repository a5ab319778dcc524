"""The time of a scheduled campaign has come: it may be sent."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain import campaign as campaigns
from dispatcher.handling import Cause, Rules, batch

BATCH = 100
"""So many campaigns are let go at a time."""

_DUE = text("""
    SELECT campaign_id FROM campaign_status
    WHERE stage = 'scheduled' AND cancelled_at_ms IS NULL AND scheduled_at_ms <= :now_ms
    ORDER BY scheduled_at_ms LIMIT :limit
""")


class Schedule:
    """Lets campaigns go when they are due; one that is paused stays so, and goes when it is resumed."""

    def __init__(self, engine: AsyncEngine, rules: Rules, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._rules = rules
        self._now_ms = now_ms

    async def start_due(self) -> int:
        """Let one batch go; return how many were due."""
        now_ms = self._now_ms()
        async with self._engine.connect() as connection:
            due = list((await connection.execute(_DUE, {"now_ms": now_ms, "limit": BATCH})).scalars())
        if due:
            async with batch(self._engine, self._rules, now_ms) as (connection, handling):
                await handling.load(connection, campaign_ids=due)
                for campaign_id in due:
                    row = handling.changes.campaigns[campaign_id]
                    events = campaigns.queue_up(row.campaign, row.tally, now_ms)
                    handling.record_campaign(campaign_id, events, Cause(str(campaign_id)))
        return len(due)
