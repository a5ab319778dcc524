"""When each session was last heard of: any callback counts. Remembered for the silence watchdog, not a projection."""

from collections.abc import Collection

from sqlalchemy import text

from dispatcher.store.writes import Writes

_NOTE = text("""
    INSERT INTO session_hearing (session_id, heard_at_ms)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS n(session_id text, heard_at_ms bigint)
    ON CONFLICT (session_id) DO UPDATE SET heard_at_ms = excluded.heard_at_ms
""")


def note(writes: Writes, sessions: Collection[str], now_ms: int) -> None:
    """Remember that these sessions were heard of now."""
    writes.add(_NOTE, [{"session_id": one, "heard_at_ms": now_ms} for one in sorted(sessions)])
