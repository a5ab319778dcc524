"""Move what a session still has to send to another one: its open campaigns, its groups, its limits. A session that was
connected anew may have a new id. What is in flight stays with the old one, and is matched and looked up there.

In parts that do not hold up callbacks; a repeat goes on with what is left.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain import campaign_commands, session_decider
from dispatcher.domain.group import CarryOver, Lose
from dispatcher.domain.session import Limits
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.store.stream_names import GroupKey

PART = 500
"""So many campaigns, or groups, are moved in one transaction: it bounds how long callbacks wait."""

_OPEN = text("""
    SELECT campaign_id FROM campaign_status
    WHERE session_id = :session_id AND status IN ('accepted', 'queued', 'running', 'paused', 'scheduled')
    ORDER BY created_at_ms LIMIT :limit
""")
_GROUPS = text("""
    SELECT group_jid FROM group_directory WHERE session_id = :session_id AND NOT state ? 'gone_at_ms'
    UNION ALL SELECT group_jid FROM community_parents WHERE session_id = :session_id
""")


class Wish(msgspec.Struct, frozen=True):
    """Who wants what moved where, and why. Both sessions are the tenant's."""

    old: str
    new: str
    by: str
    why: str | None


class Moved(msgspec.Struct, frozen=True):
    """What a move came to: campaigns, their recipients that are still to be sent to, and groups that the new session
    did not know.
    """

    campaigns: int
    recipients: int
    groups: int


class Moving(msgspec.Struct, frozen=True):
    """Moves sessions."""

    engine: AsyncEngine
    rules: Rules
    now_ms: Callable[[], int]

    async def move(self, wish: Wish) -> Moved:
        """Move all of a session; the groups first, so that what they are known for holds when messages leave."""
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            await handling.load(connection, session_ids=[wish.old, wish.new])
            _tell_sessions(handling, wish)
        groups = await self._move_groups(wish)
        campaigns, recipients = await self._move_campaigns(wish)
        return Moved(campaigns, recipients, groups)

    async def _move_campaigns(self, wish: Wish) -> tuple[int, int]:
        campaigns = recipients = 0
        while part := await self._open_campaigns(wish.old):
            async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
                await handling.load(connection, campaign_ids=part)
                for campaign_id in part:
                    command = campaign_commands.Move(handling.now_ms, wish.by, wish.why, session_id=wish.new)
                    if handling.tell_campaign(campaign_id, command, Cause(str(campaign_id))):
                        campaigns += 1
                        recipients += handling.changes.campaigns[campaign_id].tally.queued
        return campaigns, recipients

    async def _open_campaigns(self, session_id: str) -> list[UUID]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(_OPEN, {"session_id": session_id, "limit": PART})
            return list(rows.scalars())

    async def _move_groups(self, wish: Wish) -> int:
        async with self.engine.connect() as connection:
            jids = sorted((await connection.execute(_GROUPS, {"session_id": wish.old})).scalars())
        moved = 0
        for part in _parts(jids):
            async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
                keys = [GroupKey(session_id, jid) for jid in part for session_id in (wish.old, wish.new)]
                await handling.load(connection, session_ids=[wish.old, wish.new], group_keys=keys)
                moved += sum(_carry_over(handling, wish, jid) for jid in part)
        return moved


def _tell_sessions(handling: Handling, wish: Wish) -> None:
    """Say that the one was moved; its limits are the account's, and go with it where the other has none."""
    now_ms, cause, sessions = handling.now_ms, Cause(wish.old), handling.changes.sessions
    handling.tell_session(wish.old, session_decider.Move(now_ms, wish.by, wish.why, wish.new), cause)
    known = sessions.get(wish.new)
    if known is None or known.state.limits == Limits():
        limits = sessions[wish.old].state.limits
        handling.tell_session(wish.new, session_decider.Configure(now_ms, wish.by, limits), cause)


def _carry_over(handling: Handling, wish: Wish, jid: str) -> bool:
    """Let the new session know a group, and the old one lose it; return whether the new one did not know it."""
    cause, old = Cause(wish.old), GroupKey(wish.old, jid)
    row = handling.changes.groups.get(old)
    if row is None:
        return False
    taken = CarryOver(handling.now_ms, wish.by, wish.why, wish.old, row.state)
    carried = handling.tell_group(GroupKey(wish.new, jid), taken, cause)
    handling.tell_group(old, Lose(handling.now_ms), cause)
    return carried


def _parts(jids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(jids)
    while part := list(islice(rest, PART)):
        yield part
