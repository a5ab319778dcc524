"""The system's database as a test sees it: what the event store holds, and how far the relay is."""

import asyncpg
import msgspec

from support.eventually import eventually
from support.servers import plain


class StoredEvent(msgspec.Struct, frozen=True):
    """An event of the store, as far as a published one can be compared with it."""

    id: str
    position: int
    type: str


class Truth:
    """Reads one database, and tampers with it."""

    def __init__(self, database_url: str) -> None:
        self._url = plain(database_url)

    async def events(self, broadcast_id: str) -> list[StoredEvent]:
        """All events of a campaign and its recipients, by position."""
        rows = await self.fetch(
            "SELECT id::text, global_position, type FROM events"
            " WHERE stream = 'campaign-' || $1 OR stream LIKE 'recipient-' || $1 || '+%'"
            " ORDER BY global_position",
            broadcast_id,
        )
        return [StoredEvent(*row) for row in rows]

    async def session_events(self, session_id: str) -> list[StoredEvent]:
        """All events of a session and its groups, by position."""
        rows = await self.fetch(
            "SELECT id::text, global_position, type FROM events"
            " WHERE stream = 'session-' || $1 OR stream LIKE 'group-' || $1 || '+%' ORDER BY global_position",
            session_id,
        )
        return [StoredEvent(*row) for row in rows]

    async def until_relayed(self, within_s: float = 30) -> None:
        """Wait until the relay's checkpoint is at the last event."""

        async def relayed() -> bool:
            rows = await self.fetch(
                "SELECT (SELECT max(global_position) FROM events),"
                " (SELECT position FROM relay_checkpoint WHERE name = 'events')"
            )
            assert rows[0][0] == rows[0][1], f"last event {rows[0][0]}, relayed {rows[0][1]}"
            return True

        await eventually(relayed, within_s)

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Run any statement."""
        connection = await asyncpg.connect(self._url)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()
