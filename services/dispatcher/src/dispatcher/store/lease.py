"""One worker per session at a time: a lease row with a fencing token that grows with each change of hands.

The sessions with work are shared out evenly over the replicas that live: who takes some takes no more than its share,
and who has more gives some back. Whoever writes several rows locks them in the order of their sessions, so that workers
cannot deadlock.
"""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import WORK, notify

TAKE_LOCK = 7_318_004
"""Key of the advisory lock that lets one take at a time: two that race for the same sessions would not share them."""

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_WANTED = """
    SELECT session_id FROM campaign_status
    WHERE status IN ('queued', 'running') AND queued + processing + unconfirmed > 0
    OR status = 'paused' AND processing + unconfirmed > 0
    OR status = 'cancelled' AND finished_at_ms IS NULL AND processing + unconfirmed > 0
    UNION SELECT session_id FROM open_attempts WHERE in_flight
"""
"""Sessions with something to send, or to look up: what was in flight when a campaign was stopped, or moved to another
session, still is.
"""
_SHARE = f"""
    wanted AS ({_WANTED}),
    held AS (
        SELECT session_id FROM wanted JOIN session_leases l USING (session_id)
        WHERE l.holder = :holder AND l.expires_at_ms >= {_NOW}
    ),
    living AS (SELECT holder FROM replicas WHERE expires_at_ms >= {_NOW} UNION SELECT CAST(:holder AS text)),
    share AS (
        SELECT ceil((SELECT count(*) FROM wanted)::numeric / (SELECT count(*) FROM living))::bigint AS sessions
    )
"""
"""The sessions with work, those of them that a replica holds, and how many are its share."""

_ANNOUNCE = text(f"""
    WITH dead AS (
        SELECT holder FROM replicas WHERE expires_at_ms < {_NOW} AND holder <> :holder FOR UPDATE SKIP LOCKED
    ), buried AS (
        DELETE FROM replicas r USING dead WHERE r.holder = dead.holder
    )
    INSERT INTO replicas (holder, expires_at_ms) VALUES (:holder, {_NOW} + :lease_ms)
    ON CONFLICT (holder) DO UPDATE SET expires_at_ms = excluded.expires_at_ms
""")  # the inserted texts, here and below, are the constants above
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_TAKE = text(f"""
    WITH {_SHARE}
    INSERT INTO session_leases AS l (session_id, holder, token, expires_at_ms)
    SELECT session_id, :holder, 1, {_NOW} + :lease_ms
    FROM wanted LEFT JOIN session_leases free USING (session_id)
    WHERE coalesce(free.expires_at_ms, 0) < {_NOW}
    ORDER BY session_id
    LIMIT greatest(0, (SELECT sessions FROM share) - (SELECT count(*) FROM held))
    ON CONFLICT (session_id) DO UPDATE
        SET holder = excluded.holder, token = l.token + 1, expires_at_ms = excluded.expires_at_ms
        WHERE l.expires_at_ms < {_NOW}
    RETURNING session_id, token
""")
_SURPLUS = text(f"""
    WITH {_SHARE} SELECT session_id FROM held ORDER BY session_id OFFSET (SELECT sessions FROM share)
""")
_RENEW = text(f"""
    WITH mine AS (
        SELECT session_id FROM session_leases WHERE holder = :holder AND expires_at_ms >= {_NOW}
        ORDER BY session_id FOR UPDATE
    )
    UPDATE session_leases l SET expires_at_ms = {_NOW} + :lease_ms
    FROM mine WHERE l.session_id = mine.session_id
    RETURNING l.session_id, l.token
""")
_CONFIRM = text(f"""
    SELECT session_id, token FROM session_leases
    WHERE holder = :holder AND expires_at_ms >= {_NOW} AND session_id = ANY(CAST(:sessions AS text[]))
""")
_ELSEWHERE = text(f"""
    SELECT session_id FROM session_leases
    WHERE holder <> :holder AND expires_at_ms >= {_NOW} AND session_id = ANY(CAST(:sessions AS text[]))
""")
_GIVE_BACK = text("""
    WITH mine AS (
        SELECT session_id FROM session_leases
        WHERE holder = :holder AND session_id = ANY(CAST(:sessions AS text[])) ORDER BY session_id FOR UPDATE
    )
    UPDATE session_leases l SET expires_at_ms = 0 FROM mine WHERE l.session_id = mine.session_id
""")
_GIVE_ALL_BACK = text("""
    WITH mine AS (SELECT session_id FROM session_leases WHERE holder = :holder ORDER BY session_id FOR UPDATE)
    UPDATE session_leases l SET expires_at_ms = 0 FROM mine WHERE l.session_id = mine.session_id
""")
_LEAVE = text("DELETE FROM replicas WHERE holder = :holder")


async def announce(connection: AsyncConnection, holder: str, lease_ms: int) -> None:
    """Count as a replica that lives, for as long as a lease; those that died are forgotten."""
    await connection.execute(_ANNOUNCE, {"holder": holder, "lease_ms": lease_ms})


async def take(connection: AsyncConnection, holder: str, lease_ms: int) -> dict[str, int]:
    """Take free leases of sessions that have open recipients, up to the share; return the token of each taken."""
    await connection.execute(_LOCK, {"key": TAKE_LOCK})
    rows = await connection.execute(_TAKE, {"holder": holder, "lease_ms": lease_ms})
    return {row.session_id: row.token for row in rows}


async def surplus(connection: AsyncConnection, holder: str) -> list[str]:
    """Return the sessions with work that are held beyond the share: others shall serve them."""
    return list((await connection.execute(_SURPLUS, {"holder": holder})).scalars())


async def renew(connection: AsyncConnection, holder: str, lease_ms: int) -> dict[str, int]:
    """Prolong what is held and not yet expired; return the token of each session still held."""
    rows = await connection.execute(_RENEW, {"holder": holder, "lease_ms": lease_ms})
    return {row.session_id: row.token for row in rows}


async def confirm(connection: AsyncConnection, holder: str, sessions: Collection[str]) -> dict[str, int]:
    """Return the tokens of those sessions that are held now: what a stale holder writes is refused by them."""
    rows = await connection.execute(_CONFIRM, {"holder": holder, "sessions": list(sessions)})
    return {row.session_id: row.token for row in rows}


async def elsewhere(connection: AsyncConnection, holder: str, sessions: Collection[str]) -> set[str]:
    """Return those of these sessions that others hold now."""
    rows = await connection.execute(_ELSEWHERE, {"holder": holder, "sessions": list(sessions)})
    return set(rows.scalars())


async def give_back(connection: AsyncConnection, holder: str, sessions: Collection[str]) -> None:
    """Let others take these sessions at once."""
    await connection.execute(_GIVE_BACK, {"holder": holder, "sessions": list(sessions)})
    await notify(connection, WORK)


async def leave(connection: AsyncConnection, holder: str) -> None:
    """Let others take all sessions at once, and count as a replica no more."""
    await connection.execute(_GIVE_ALL_BACK, {"holder": holder})
    await connection.execute(_LEAVE, {"holder": holder})
    await notify(connection, WORK)
