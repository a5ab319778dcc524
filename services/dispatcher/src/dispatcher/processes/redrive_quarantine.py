"""Publish what is to be sent again from quarantine: as it was, on its subject, under an id that is its redrive's own.

What was published and not yet crossed off, when this process dies, is published again under the same id.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.streams import REDRIVEN_FROM
from dispatcher.broker import Outgoing

PART = 100
"""So many are published at a time."""

_TAKE = text("""
    SELECT r.id, q.source, q.body FROM quarantine_redrives r JOIN quarantine q USING (id)
    ORDER BY r.ordered_at_ms, q.at_ms, r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
""")
_CROSS_OFF = text("DELETE FROM quarantine_redrives WHERE id = ANY(CAST(:ids AS text[]))")

Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]


class RedriveQuarantine(msgspec.Struct, frozen=True):
    """Carries out what was recorded as sent again."""

    engine: AsyncEngine
    publish: Publish

    async def publish_part(self) -> int:
        """Publish some; return how many."""
        async with self.engine.begin() as connection:
            lines = (await connection.execute(_TAKE, {"limit": PART})).all()
            if lines:
                await self.publish([_outgoing(*line) for line in lines])
                await connection.execute(_CROSS_OFF, {"ids": [line.id for line in lines]})
        return len(lines)


def _outgoing(identity: str, subject: str, body: bytes) -> Outgoing:
    return Outgoing(subject, bytes(body), f"redrive-{identity}", {REDRIVEN_FROM: identity})
