"""What a cancelled campaign has not sent is cancelled, part by part; so is what comes back to its queue later, by a
failure that would be tried again. Nothing of it can leave meanwhile: the sender takes nothing from it.
"""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain.recipient_commands import Cancel
from dispatcher.handling import Cause, Rules, batch

_QUEUED = text("""
    SELECT q.campaign_id, q.recipient
    FROM (SELECT campaign_id FROM campaign_status
          WHERE status = 'cancelled' AND finished_at_ms IS NULL AND queued > 0) c
    CROSS JOIN LATERAL (SELECT campaign_id, recipient FROM send_queue WHERE campaign_id = c.campaign_id LIMIT :limit) q
    LIMIT :limit
""")


class Cancelling:
    """Cancels what is queued in cancelled campaigns. `part`: so many in one transaction; it bounds how long callbacks
    wait.
    """

    def __init__(
        self, engine: AsyncEngine, rules: Rules, now_ms: Callable[[], int], part: int = 2000
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._now_ms = now_ms
        self._part = part

    async def cancel(self) -> int:
        """Cancel one part; return how many were still queued."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_QUEUED, {"limit": self._part})
            keys = [(campaign_id, recipient) for campaign_id, recipient in rows]
        if keys:
            now_ms = self._now_ms()
            async with batch(self._engine, self._rules, now_ms) as (connection, handling):
                await handling.load(connection, keys)
                for key in keys:
                    handling.tell_recipient(key, Cancel(now_ms), Cause(str(key[0])))
        return len(keys)
