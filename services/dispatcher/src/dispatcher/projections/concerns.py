"""`concerns`: one line per message that somebody should look at, while that is so; the dead letters are among them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.projections.rows import ConcernRow
from dispatcher.store.postgres import as_rows
from dispatcher.store.stream_names import Key
from dispatcher.store.writes import Writes

COLUMNS = "c.campaign_id, c.recipient, c.tenant, c.concern, c.attempt_id::text, c.error_code, c.since_ms"

_WRITE = text("""
    INSERT INTO concerns (campaign_id, recipient, tenant, concern, attempt_id, error_code, since_ms)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(campaign_id uuid, recipient text, tenant text, concern text, attempt_id uuid,
                       error_code integer, since_ms bigint)
    ON CONFLICT ON CONSTRAINT a_message_has_one_concern DO UPDATE
        SET concern = excluded.concern, attempt_id = excluded.attempt_id, error_code = excluded.error_code,
            since_ms = excluded.since_ms
""")
_END = text("""
    DELETE FROM concerns c USING json_array_elements(CAST(:rows AS json)) AS k(key)
    WHERE c.campaign_id = CAST(k.key->>0 AS uuid) AND c.recipient = k.key->>1
""")
_LOAD = text(f"""
    SELECT {COLUMNS} FROM json_array_elements(CAST(:rows AS json)) AS k(key)
    JOIN concerns c ON c.campaign_id = CAST(k.key->>0 AS uuid) AND c.recipient = k.key->>1
""")


def read(row: Sequence[Any]) -> ConcernRow:
    """Turn a line, selected as `COLUMNS`, into a row."""
    return ConcernRow(*row)


async def load(connection: AsyncConnection, keys: Collection[Key]) -> list[ConcernRow]:
    """Return the lines of those keys that exist."""
    if not keys:
        return []
    return [read(row) for row in await connection.execute(_LOAD, as_rows(list(keys)))]


def write(writes: Writes, changed: Mapping[Key, ConcernRow | None]) -> None:
    """Write new and changed lines; None stands for a message that nobody need look at any more."""
    writes.add(_WRITE, [row for row in changed.values() if row is not None])
    writes.add(_END, [key for key, row in changed.items() if row is None])
