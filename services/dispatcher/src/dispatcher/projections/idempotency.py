"""`idempotency_keys`: which campaign a tenant's key names; and which campaign said the same lately."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.projections.rows import IdempotencyRow
from dispatcher.store.postgres import as_rows
from dispatcher.store.writes import Writes

_WRITE = text("""
    INSERT INTO idempotency_keys (tenant, idempotency_key, campaign_id)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS n(tenant text, idempotency_key text, campaign_id uuid)
""")
_LOAD = text("""
    SELECT i.tenant, i.idempotency_key, i.campaign_id FROM json_array_elements(CAST(:rows AS json)) AS k(key)
    JOIN idempotency_keys i ON i.tenant = k.key->>0 AND i.idempotency_key = k.key->>1
""")
_LATELY = text("""
    SELECT campaign_id FROM campaign_status
    WHERE tenant = :tenant AND fingerprint = :fingerprint AND (created_at_ms > :since_ms OR stage = 'accepted')
      AND NOT (status = 'cancelled' AND processing + unconfirmed + sent + delivered + read = 0)
    ORDER BY created_at_ms DESC LIMIT 1
""")


def write(writes: Writes, rows: Sequence[IdempotencyRow]) -> None:
    """Write new keys; one that stands already is a fault, since it was looked for under the append lock."""
    writes.add(_WRITE, rows)


async def load(
    connection: AsyncConnection, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], IdempotencyRow]:
    """Return those keys, each a tenant and its key, that name a campaign."""
    if not keys:
        return {}
    rows = await connection.execute(_LOAD, as_rows(list(keys)))
    return {(row.tenant, row.idempotency_key): IdempotencyRow(*row) for row in rows}


async def lately(connection: AsyncConnection, tenant: str, fingerprint: str, since_ms: int) -> UUID | None:
    """Return the campaign that said the same after a time (epoch ms), the newest; or at any time, if it is not yet
    recorded completely. One that was cancelled before anything left does not count.
    """
    parameters = {"tenant": tenant, "fingerprint": fingerprint, "since_ms": since_ms}
    found: UUID | None = (await connection.execute(_LATELY, parameters)).scalar()
    return found
