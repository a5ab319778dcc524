"""`dismissals`: what a tenant wants to be told no more."""

from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.projections.rows import DismissalRow
from dispatcher.store.postgres import as_rows
from dispatcher.store.writes import Writes

_WRITE = text("""
    INSERT INTO dismissals (tenant, item, at_ms, by, why)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(tenant text, item text, at_ms bigint, by text, why text)
""")
_LOAD = text("""
    SELECT d.tenant, d.item, d.at_ms, d.by, d.why FROM json_array_elements(CAST(:rows AS json)) AS k(key)
    JOIN dismissals d ON d.tenant = k.key->>0 AND d.item = k.key->>1
""")


async def load(
    connection: AsyncConnection, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], DismissalRow]:
    """Return those of these items, each a tenant and an item's id, that were dismissed."""
    if not keys:
        return {}
    rows = [DismissalRow(*row) for row in await connection.execute(_LOAD, as_rows(list(keys)))]
    return {(row.tenant, row.item): row for row in rows}


def write(writes: Writes, rows: Sequence[DismissalRow]) -> None:
    """Write new lines; one that stands already is a fault, since it was looked for under the append lock."""
    writes.add(_WRITE, rows)
