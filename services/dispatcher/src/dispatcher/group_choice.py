"""Recipients from the synced directory of a session: all groups that take messages, or those that are named."""

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.commands import CampaignSpec, GroupChoice, RecipientSpec
from dispatcher.projections import group_directory
from dispatcher.projections.rows import GroupRow

_KNOWN = text("""
    SELECT g.session_id, g.group_jid, g.version, g.state::text
    FROM group_directory g JOIN session_status s USING (session_id)
    WHERE g.session_id = :session_id AND coalesce(s.state->>'tenant', '') IN (:tenant, '')
      AND (CAST(:jids AS text[]) IS NULL OR g.group_jid = ANY(CAST(:jids AS text[])))
    ORDER BY g.group_jid
""")
_PARENTS = text("""
    SELECT count(*) FROM community_parents p JOIN session_status s USING (session_id)
    WHERE p.session_id = :session_id AND coalesce(s.state->>'tenant', '') IN (:tenant, '')
      AND (CAST(:jids AS text[]) IS NULL OR p.group_jid = ANY(CAST(:jids AS text[])))
""")


class Counts(msgspec.Struct, frozen=True):
    """How many groups were chosen, and why others were left out: gone, refused (420 stands until the next sync), only
    admins may write, community parents, not in the directory.
    """

    chosen: int = 0
    gone: int = 0
    refused: int = 0
    not_admin: int = 0
    community_parents: int = 0
    unknown: int = 0


class Chosen(msgspec.Struct, frozen=True):
    """The groups that a campaign goes to, as recipients with their names."""

    recipients: list[RecipientSpec]
    counts: Counts


class NotChosen(msgspec.Struct, frozen=True):
    """Why no group can be chosen; `code` is a stable word for programs, `field` what to mend."""

    code: str
    detail: str
    field: str


async def choose(engine: AsyncEngine, tenant: str, spec: CampaignSpec) -> Chosen | NotChosen | None:
    """Return the groups that a campaign wants, or why there are none; None where it does not ask for groups."""
    if spec.groups is None:
        return None
    if refused := _refusal(spec.session_id, spec.groups):
        return refused
    jids = None if spec.groups.all else list(dict.fromkeys(spec.groups.group_jids))
    asked = None if jids is None else [jid for jid in jids if "\0" not in jid]  # no query can name a NUL
    parameters = {"tenant": tenant, "session_id": spec.session_id, "jids": asked}
    async with engine.connect() as connection:
        rows = [group_directory.read(row) for row in await connection.execute(_KNOWN, parameters)]
        parents = int((await connection.execute(_PARENTS, parameters)).scalar_one())
        if not rows and not parents and not await _is_synced(connection, tenant, spec.session_id):
            return _not_synced(spec.session_id)
    return _chosen(rows, parents, None if jids is None else len(jids))


def _refusal(session_id: str, choice: GroupChoice) -> NotChosen | None:
    if choice.session_id not in (None, session_id):
        detail = "the groups must be those of the campaign's own session: another one may not sit in them"
        return NotChosen("INVALID_REQUEST", detail, "groups.session_id")
    if choice.all == bool(choice.group_jids):
        return NotChosen("INVALID_REQUEST", "either all groups, or group_jids", "groups.all")
    return None


async def _is_synced(connection: AsyncConnection, tenant: str, session_id: str) -> bool:
    everything = {"tenant": tenant, "session_id": session_id, "jids": None}
    known = (await connection.execute(_KNOWN, everything)).first()
    return known is not None or bool((await connection.execute(_PARENTS, everything)).scalar_one())


def _not_synced(session_id: str) -> NotChosen:
    detail = (
        f"no group of {session_id} is known: sync them first, by POST /api/sessions/{session_id}/groups/sync"
    )
    return NotChosen("GROUPS_NOT_SYNCED", detail, "groups")


def _chosen(rows: list[GroupRow], parents: int, named: int | None) -> Chosen:
    recipients: list[RecipientSpec] = []
    left_out = {"gone": 0, "refused": 0, "not_admin": 0}
    for row in rows:
        if obstacle := row.state.obstacle:
            left_out[obstacle] += 1
        else:
            name = row.state.listing.name or None
            recipients.append(RecipientSpec(group_jid=row.group_jid, name=name))
    unknown = 0 if named is None else named - len(rows) - parents
    return Chosen(recipients, Counts(len(recipients), **left_out, community_parents=parents, unknown=unknown))
