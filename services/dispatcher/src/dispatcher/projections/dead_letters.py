"""Reads of `concerns`: the dead letters that somebody means, by campaign, session, error code and time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.projections import concerns, recipient_status
from dispatcher.projections.rows import ConcernRow, RecipientRow
from dispatcher.store.stream_names import Key

LATEST_MS = 1 << 62
"""Later than any time."""
HIGHEST = UUID(int=(1 << 128) - 1)
"""Behind any id."""


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """What dead letters have in common, all of a tenant's where nothing is said: they failed for good between
    `since_ms` and `until_ms`, both included. The session is the one that the last attempt went through.
    """

    campaign_id: UUID | None = None
    session_id: str | None = None
    error_code: int | None = None
    since_ms: int = 0
    until_ms: int = LATEST_MS


Place = tuple[int, UUID]
"""When a message failed (epoch ms), and the id of its last attempt."""

_SELECTED = """
    c.tenant = :tenant AND c.concern = 'dead_letter' AND c.since_ms BETWEEN :since_ms AND :until_ms
    AND (CAST(:campaign_id AS uuid) IS NULL OR c.campaign_id = :campaign_id)
    AND (CAST(:session_id AS text) IS NULL OR a.session_id = :session_id)
    AND (CAST(:error_code AS integer) IS NULL OR c.error_code = :error_code)
"""
_LIST = text(f"""
    SELECT {concerns.COLUMNS}, a.session_id, {recipient_status.COLUMNS}
    FROM concerns c JOIN attempts a USING (attempt_id)
    JOIN recipient_status r ON r.campaign_id = c.campaign_id AND r.recipient = c.recipient
    WHERE {_SELECTED} AND (c.since_ms, c.attempt_id) < (:at_ms, CAST(:id AS uuid))
    ORDER BY c.since_ms DESC, c.attempt_id DESC LIMIT :limit
""")
_COUNT = text(f"""
    SELECT count(*) FROM concerns c JOIN attempts a USING (attempt_id)
    JOIN campaign_status s ON s.campaign_id = c.campaign_id
    WHERE {_SELECTED} AND s.status <> 'cancelled'
""")
_NEXT = text(f"""
    SELECT c.campaign_id, c.recipient, c.since_ms, c.attempt_id
    FROM concerns c JOIN attempts a USING (attempt_id)
    JOIN campaign_status s ON s.campaign_id = c.campaign_id
    WHERE {_SELECTED} AND s.status <> 'cancelled' AND (c.since_ms, c.attempt_id) > (:at_ms, CAST(:id AS uuid))
    ORDER BY c.since_ms, c.attempt_id LIMIT :limit
""")


class Letter(msgspec.Struct, frozen=True):
    """A dead letter: since when and by what error, through which session, and all that is known of the message."""

    concern: ConcernRow
    session_id: str
    message: RecipientRow


_WIDTH = len(ConcernRow.__struct_fields__)


async def newest(
    connection: AsyncConnection, tenant: str, selection: Selection, after: Place, limit: int
) -> list[Letter]:
    """Return dead letters, newest first, from behind a place on."""
    rows = await connection.execute(_LIST, _parameters(tenant, selection, after, limit))
    return [
        Letter(concerns.read(row[:_WIDTH]), row[_WIDTH], recipient_status.read(row[_WIDTH + 1 :]))
        for row in rows
    ]


async def count(connection: AsyncConnection, tenant: str, selection: Selection) -> int:
    """Return how many can be sent again; those of cancelled campaigns cannot."""
    parameters = {"tenant": tenant, **msgspec.structs.asdict(selection)}
    return int((await connection.execute(_COUNT, parameters)).scalar_one())


async def next_part(
    connection: AsyncConnection, tenant: str, selection: Selection, after: Place, limit: int
) -> list[tuple[Key, Place]]:
    """Return the next messages behind a place that can be sent again, oldest first, each with its own place."""
    rows = await connection.execute(_NEXT, _parameters(tenant, selection, after, limit))
    return [(_key(row), (row[2], row[3])) for row in rows]


def _key(row: Sequence[Any]) -> Key:
    return row[0], row[1]


def _parameters(tenant: str, selection: Selection, after: Place, limit: int) -> dict[str, Any]:
    place = {"at_ms": after[0], "id": after[1]}
    return {"tenant": tenant, **msgspec.structs.asdict(selection), **place, "limit": limit}
