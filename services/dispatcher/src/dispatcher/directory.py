"""The sync of a session's groups: what the VPS lists becomes facts, in chunks that do not hold up callbacks."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher import parking
from dispatcher.domain import group
from dispatcher.domain.session_decider import RecordGroups
from dispatcher.group_listing import Listed
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.store.stream_names import GroupKey
from dispatcher.translate import membership_command

CHUNK = 500
"""So many groups are recorded in one transaction: it bounds how long callbacks wait."""

_KEPT = text(
    "SELECT group_jid FROM group_directory WHERE session_id = :session_id AND NOT state ? 'gone_at_ms'"
)


class Synced(msgspec.Struct, frozen=True):
    """What a sync came to: groups kept, community parents left out, groups that vanished, entries that name none."""

    groups: int
    community_parents: int
    gone: int
    ignored: int


class Directory(msgspec.Struct, frozen=True):
    """Keeps the groups of sessions."""

    engine: AsyncEngine
    rules: Rules
    now_ms: Callable[[], int]

    async def sync(self, session_id: str, listed: Listed, asked_at_ms: int) -> Synced:
        """Bring what we know of a session's groups in line with the VPS's list; a repeat changes nothing."""
        vanished = await self._kept(session_id) - listed.jids
        for chunk in _chunks(sorted(listed.jids | vanished)):
            await self._record(session_id, listed, asked_at_ms, chunk)
        synced = Synced(len(listed.groups), len(listed.parents), len(vanished), listed.ignored)
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            await handling.load(connection, session_ids=[session_id])
            done = RecordGroups(handling.now_ms, synced.groups, synced.community_parents, synced.gone)
            handling.tell_session(session_id, done, Cause(session_id))
        return synced

    async def _kept(self, session_id: str) -> set[str]:
        async with self.engine.connect() as connection:
            return set((await connection.execute(_KEPT, {"session_id": session_id})).scalars())

    async def _record(self, session_id: str, listed: Listed, asked_at_ms: int, jids: Sequence[str]) -> None:
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            keys = [GroupKey(session_id, jid) for jid in jids]
            await handling.load(connection, session_ids=[session_id], group_keys=keys)
            for key in keys:
                wish = _command(key.group_jid, listed, asked_at_ms, handling.now_ms)
                handling.tell_group(key, wish, Cause(session_id))
            await _bring_members_back(connection, handling, session_id, jids)


def _command(jid: str, listed: Listed, asked_at_ms: int, now_ms: int) -> group.Command:
    if jid in listed.parents:
        return group.FindParent(now_ms)
    listing = listed.groups.get(jid)
    return group.See(now_ms, asked_at_ms, listing) if listing else group.Lose(now_ms)


async def _bring_members_back(
    connection: AsyncConnection, handling: Handling, session_id: str, jids: Collection[str]
) -> None:
    """Apply the joins and leaves that waited for these groups; those before the list was asked for are in it."""
    for report in await parking.release_members(connection, jids):
        cause = Cause(report.correlation, report.id)
        key = GroupKey(session_id, report.recipient)
        handling.tell_group(key, membership_command(report, handling.now_ms), cause)


def _chunks(jids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(jids)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
