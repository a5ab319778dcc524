"""`group_directory`: the groups that a session can name; and `community_parents`, which nothing can be sent to.

A line stands in one of the two: what turns out to be a community parent leaves the directory, and no name is kept.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.group import Group
from dispatcher.projections.rows import GroupRow
from dispatcher.store.postgres import as_rows
from dispatcher.store.stream_names import GroupKey
from dispatcher.store.writes import Writes

_BOTH = """(
    SELECT session_id, group_jid, version, state FROM group_directory
    UNION ALL SELECT session_id, group_jid, version, state FROM community_parents
)"""
_LOAD = text(f"""
    SELECT session_id, group_jid, g.version, g.state::text FROM {_BOTH} g
    JOIN json_to_recordset(CAST(:rows AS json)) AS k(session_id text, group_jid text) USING (session_id, group_jid)
""")
_BY_JID = text("""
    SELECT session_id, group_jid, version, state::text FROM group_directory
    WHERE group_jid = ANY(CAST(:jids AS text[]))
""")
_WRITE = """
    INSERT INTO {table} (session_id, group_jid, version, state)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(session_id text, group_jid text, version integer, state jsonb)
    ON CONFLICT (session_id, group_jid) DO UPDATE SET version = excluded.version, state = excluded.state
"""
_LEAVE = """
    DELETE FROM {table} g USING json_to_recordset(CAST(:rows AS json)) AS n(session_id text, group_jid text)
    WHERE g.session_id = n.session_id AND g.group_jid = n.group_jid
"""
_WRITE_GROUPS = text(_WRITE.format(table="group_directory"))
_WRITE_PARENTS = text(_WRITE.format(table="community_parents"))
_LEAVE_GROUPS = text(_LEAVE.format(table="group_directory"))
_LEAVE_PARENTS = text(_LEAVE.format(table="community_parents"))

PARENT = "a community parent: nothing can be sent to it"
REFUSED = "the group refused the last message ({why}); sync the groups to try again"

_BARRED = text("""
    SELECT group_jid, NULL FROM community_parents
    WHERE session_id = :session_id AND group_jid = ANY(CAST(:jids AS text[]))
    UNION ALL
    SELECT group_jid, coalesce(state->>'refusal', '') FROM group_directory
    WHERE session_id = :session_id AND group_jid = ANY(CAST(:jids AS text[])) AND state ? 'refused_at_ms'
""")

_decode = msgspec.json.Decoder(Group).decode


def read(row: Sequence[object]) -> GroupRow:
    """Turn a line into a row."""
    session_id, group_jid, version, state = row
    return GroupRow(str(session_id), str(group_jid), int(str(version)), _decode(str(state)))


async def load(connection: AsyncConnection, keys: Collection[GroupKey]) -> list[GroupRow]:
    """Return the lines of those groups that are known, community parents among them."""
    if not keys:
        return []
    return [read(row) for row in await connection.execute(_LOAD, as_rows(list(keys)))]


async def load_by_jid(connection: AsyncConnection, jids: Collection[str]) -> list[GroupRow]:
    """Return the lines of these groups, for every session that sees them."""
    if not jids:
        return []
    return [read(row) for row in await connection.execute(_BY_JID, {"jids": list(jids)})]


async def barred(connection: AsyncConnection, session_id: str, jids: Iterable[str]) -> dict[str, str]:
    """Return why nothing is sent through this session to those of the groups that are known not to take it."""
    asked = [jid for jid in jids if jid.endswith("@g.us")]
    if not asked:
        return {}
    rows = await connection.execute(_BARRED, {"session_id": session_id, "jids": asked})
    return {jid: reason(why) for jid, why in rows}


def reason(refusal: str | None) -> str:
    """Return why a group is left out: None stands for a community parent."""
    return PARENT if refusal is None else REFUSED.format(why=refusal)


def write(writes: Writes, rows: Sequence[GroupRow]) -> None:
    """Write new and changed lines, each where it belongs."""
    parents = [row for row in rows if row.state.is_parent]
    groups = [row for row in rows if not row.state.is_parent]
    writes.add(_WRITE_GROUPS, groups)
    writes.add(_LEAVE_PARENTS, groups)
    writes.add(_WRITE_PARENTS, parents)
    writes.add(_LEAVE_GROUPS, parents)
