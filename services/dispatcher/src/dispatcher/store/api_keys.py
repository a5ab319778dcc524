"""The keys of the API that operators made, and how all keys are used. Not a projection: a key is no fact for others,
and its digest does not belong into a history that is published.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import as_rows, notify

CHANGED = "api_keys_changed"
"""The notification that a key was added or retired."""


class StoredKey(msgspec.Struct, frozen=True):
    """A key that an operator made."""

    key_id: UUID
    tenant: str
    label: str
    digest: bytes
    created_at_ms: int
    created_by: str
    retired_at_ms: int | None = None
    retired_by: str | None = None


class Use(msgspec.Struct, frozen=True):
    """How often a key was used, and when for the last time."""

    key_id: UUID
    uses: int
    last_used_at_ms: int


_COLUMNS = "key_id, tenant, label, digest, created_at_ms, created_by, retired_at_ms, retired_by"
_LIVE = text(f"SELECT {_COLUMNS} FROM api_keys WHERE retired_at_ms IS NULL")
_LIVE_OF = text(f"""
    SELECT {_COLUMNS} FROM api_keys WHERE tenant = :tenant AND retired_at_ms IS NULL ORDER BY created_at_ms, key_id
""")
_LOCK = text("SELECT pg_advisory_xact_lock(7318004, hashtext(:tenant))")
_RETIRED_OF = text(f"""
    SELECT {_COLUMNS} FROM api_keys
    WHERE tenant = :tenant AND retired_at_ms IS NOT NULL
      AND (CAST(:at_ms AS bigint) IS NULL OR (created_at_ms, key_id) < (:at_ms, CAST(:key_id AS uuid)))
    ORDER BY created_at_ms DESC, key_id DESC LIMIT :limit
""")
_ONE = text(f"SELECT {_COLUMNS} FROM api_keys WHERE tenant = :tenant AND key_id = :key_id")
_ADD = text(f"""
    INSERT INTO api_keys ({_COLUMNS})
    VALUES (:key_id, :tenant, :label, :digest, :created_at_ms, :created_by, :retired_at_ms, :retired_by)
""")
_RETIRE = text("UPDATE api_keys SET retired_at_ms = :at_ms, retired_by = :by WHERE key_id = :key_id")
_USES = text("""
    SELECT key_id, uses, last_used_at_ms FROM api_key_uses WHERE key_id = ANY(CAST(:key_ids AS uuid[]))
""")
_NOTE = text("""
    INSERT INTO api_key_uses AS u (key_id, uses, last_used_at_ms)
    SELECT key_id, uses, last_used_at_ms
    FROM json_to_recordset(CAST(:rows AS json)) AS n(key_id uuid, uses bigint, last_used_at_ms bigint)
    ORDER BY key_id
    ON CONFLICT (key_id) DO UPDATE
        SET uses = u.uses + excluded.uses, last_used_at_ms = greatest(u.last_used_at_ms, excluded.last_used_at_ms)
""")


def _read(row: Sequence[Any]) -> StoredKey:
    return StoredKey(*row)


async def live(connection: AsyncConnection) -> list[StoredKey]:
    """Return all keys that open the API."""
    return [_read(row) for row in await connection.execute(_LIVE)]


async def live_of(connection: AsyncConnection, tenant: str) -> list[StoredKey]:
    """Return a tenant's keys that open the API, oldest first."""
    return [_read(row) for row in await connection.execute(_LIVE_OF, {"tenant": tenant})]


async def lock(connection: AsyncConnection, tenant: str) -> None:
    """Let one change a tenant's keys at a time, until this transaction ends."""
    await connection.execute(_LOCK, {"tenant": tenant})


async def retired_of(
    connection: AsyncConnection, tenant: str, after: tuple[int, UUID] | None, limit: int
) -> list[StoredKey]:
    """Return a tenant's retired keys, newest first; `after` is creation (epoch ms) and id of the last one seen."""
    at_ms, key_id = after or (None, None)
    parameters = {"tenant": tenant, "at_ms": at_ms, "key_id": key_id, "limit": limit}
    return [_read(row) for row in await connection.execute(_RETIRED_OF, parameters)]


async def one(connection: AsyncConnection, tenant: str, key_id: UUID) -> StoredKey | None:
    """Return one key of a tenant."""
    row = (await connection.execute(_ONE, {"tenant": tenant, "key_id": key_id})).first()
    return _read(row) if row else None


async def add(connection: AsyncConnection, key: StoredKey) -> None:
    """Keep a new key."""
    await connection.execute(_ADD, msgspec.structs.asdict(key))
    await notify(connection, CHANGED)


async def retire(connection: AsyncConnection, key_id: UUID, by: str, at_ms: int) -> None:
    """Let a key open nothing any more; its line stays."""
    await connection.execute(_RETIRE, {"key_id": key_id, "by": by, "at_ms": at_ms})
    await notify(connection, CHANGED)


async def uses(connection: AsyncConnection, key_ids: Iterable[UUID]) -> dict[UUID, Use]:
    """Return how keys were used; one that never was is missing."""
    rows = await connection.execute(_USES, {"key_ids": list(key_ids)})
    return {row.key_id: Use(*row) for row in rows}


async def note_uses(connection: AsyncConnection, noted: Sequence[Use]) -> None:
    """Add uses to what is known, as one statement."""
    await connection.execute(_NOTE, as_rows(noted))
