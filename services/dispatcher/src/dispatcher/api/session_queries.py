"""The reads of the API about sessions and groups. A tenant sees its own sessions, and those that nobody uses yet."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.session import Session
from dispatcher.projections import group_directory
from dispatcher.projections.rows import GroupRow, SessionRow

_VISIBLE = "coalesce(s.state->>'tenant', '') IN (:tenant, '')"
_SELECT = f"""
    SELECT s.session_id, s.version, s.state::text, c.answered_at_ms
    FROM session_status s LEFT JOIN session_checks c USING (session_id) WHERE {_VISIBLE}
"""
_SESSION = text(f"{_SELECT} AND s.session_id = :session_id")
_SESSIONS = text(f"{_SELECT} AND s.session_id > :after ORDER BY s.session_id LIMIT :limit")
_OWNER = text("SELECT state->>'tenant' FROM session_status WHERE session_id = :session_id")
_SENDABLE = """
    (g.state ? 'asked_at_ms' AND NOT g.state ? 'gone_at_ms' AND NOT g.state ? 'refused_at_ms'
     AND (coalesce(CAST(g.state->'listing'->>'is_admin' AS boolean), false)
          OR NOT coalesce(CAST(g.state->'listing'->>'is_announce' AS boolean), false)))
"""
_GROUPS = text(f"""
    SELECT g.session_id, g.group_jid, g.version, g.state::text
    FROM group_directory g JOIN session_status s USING (session_id)
    WHERE {_VISIBLE} AND (g.session_id, g.group_jid) > (:after_session, :after_jid)
      AND (CAST(:session_id AS text) IS NULL OR g.session_id = :session_id)
      AND (CAST(:query AS text) IS NULL
           OR position(lower(:query) in lower(coalesce(g.state->'listing'->>'name', ''))) > 0)
      AND (CAST(:sendable AS boolean) IS NULL OR {_SENDABLE} = :sendable)
    ORDER BY g.session_id, g.group_jid LIMIT :limit
""")

_decode = msgspec.json.Decoder(Session).decode

Found = tuple[SessionRow, int | None]
"""A session, and when the VPS last told its state, in epoch ms."""


def _read(row: Sequence[Any]) -> Found:
    session_id, version, state, verified_at_ms = row
    return SessionRow(session_id, version, _decode(state)), verified_at_ms


async def session(connection: AsyncConnection, tenant: str, session_id: str) -> Found | None:
    """Return one session."""
    row = (await connection.execute(_SESSION, {"tenant": tenant, "session_id": session_id})).first()
    return _read(row) if row else None


async def sessions(connection: AsyncConnection, tenant: str, after: str, limit: int) -> list[Found]:
    """Return sessions by their ids; `after` is the last one seen, empty at the start."""
    parameters = {"tenant": tenant, "after": after, "limit": limit}
    return [_read(row) for row in await connection.execute(_SESSIONS, parameters)]


async def owner(connection: AsyncConnection, session_id: str) -> str | None:
    """Return the tenant of a session; None where nobody has used it."""
    return (await connection.execute(_OWNER, {"session_id": session_id})).scalar_one_or_none()


class Wanted(msgspec.Struct, frozen=True):
    """Which groups: `query` is a part of the name."""

    session_id: str | None = None
    query: str | None = None
    sendable: bool | None = None


async def groups(
    connection: AsyncConnection, tenant: str, wanted: Wanted, after: tuple[str, str], limit: int
) -> list[GroupRow]:
    """Return groups by session and JID; `after` is the place of the last one seen."""
    parameters = {
        "tenant": tenant,
        "after_session": after[0],
        "after_jid": after[1],
        "limit": limit,
        **msgspec.structs.asdict(wanted),
    }
    return [group_directory.read(row) for row in await connection.execute(_GROUPS, parameters)]
