"""`session_status`: one line per session; the state of the session's stream."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.session import Session
from dispatcher.projections.rows import SessionRow
from dispatcher.store.postgres import WORK
from dispatcher.store.writes import Writes

_LOAD = text(
    "SELECT session_id, version, state::text FROM session_status WHERE session_id = ANY(CAST(:ids AS text[]))"
)
_WRITE = text("""
    INSERT INTO session_status (session_id, version, status, parked_until_ms, stopped, state)
    SELECT session_id, version, state->>'status', CAST(state->>'parked_until_ms' AS bigint),
           coalesce(CAST(state->>'stopped' AS boolean), false), state
    FROM json_to_recordset(CAST(:rows AS json)) AS n(session_id text, version integer, state jsonb)
    ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, status = excluded.status,
        parked_until_ms = excluded.parked_until_ms, stopped = excluded.stopped, state = excluded.state
""")

_decode = msgspec.json.Decoder(Session).decode


async def load(connection: AsyncConnection, ids: Collection[str]) -> list[SessionRow]:
    """Return the lines of those sessions that exist."""
    if not ids:
        return []
    rows = await connection.execute(_LOAD, {"ids": list(ids)})
    return [SessionRow(session_id, version, _decode(state)) for session_id, version, state in rows]


def write(writes: Writes, rows: Sequence[SessionRow]) -> None:
    """Write new and changed lines; one that may go on is looked at by the sender at once."""
    writes.add(_WRITE, rows)
    for row in rows:
        writes.tell(WORK, row.session_id)
