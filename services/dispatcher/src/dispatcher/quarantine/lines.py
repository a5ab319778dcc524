"""The reads of the quarantine, bound to a tenant: its own lines, and nobody's without their details."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import DEFAULT_TENANT
from dispatcher.quarantine.kept import Kind
from dispatcher.store.stream_names import OF_QUARANTINE

TAKEN_AGAIN = ("wa.command.", "wa.delivery.")
"""How the subjects begin that the dispatcher consumes."""
NEVER_AGAIN = (Kind.CONFLICT, Kind.INVALID, Kind.UNKNOWN)
"""What sending it again cannot help, or only the gateway can."""
NEWEST: Final = (1 << 62, "~")
"""Before the first page: later than any time, behind any id."""


class Selection(msgspec.Struct, frozen=True):
    """What lines have in common: kind, source, and that they came in between two times (epoch ms)."""

    kind: Kind | None = None
    source: str | None = None
    since_ms: int = 0
    until_ms: int = NEWEST[0]


class Line(msgspec.Struct, frozen=True):
    """A line of the quarantine, and when, by whom and why it was sent again. `waiting`: that is still to happen."""

    id: str
    tenant: str
    kind: Kind
    source: str
    reason: str
    about: str | None
    at_ms: int
    beginning: str
    size: int | None
    redriven_at_ms: int | None
    redriven_by: str | None
    redriven_why: str | None
    waiting: bool

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the list."""
        return self.at_ms, self.id


_COLUMNS = """
    q.id, q.tenant, q.kind, q.source, q.reason, q.about, q.at_ms, q.beginning, octet_length(q.body),
    e.recorded_at_ms, e.data->>'by', e.data->>'why', r.id IS NOT NULL
"""
_FROM = f"""
    quarantine q LEFT JOIN events e ON e.stream = '{OF_QUARANTINE}' || q.id AND e.version = 1
    LEFT JOIN quarantine_redrives r ON r.id = q.id
"""
_SEEN = f"q.tenant IN (:tenant, '{DEFAULT_TENANT}')"
_SELECTED = """
    (CAST(:kind AS text) IS NULL OR q.kind = :kind) AND (CAST(:source AS text) IS NULL OR q.source = :source)
    AND q.at_ms BETWEEN :since_ms AND :until_ms
"""
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM {_FROM} WHERE {_SEEN} AND {_SELECTED} AND (q.at_ms, q.id) < (:at_ms, :before)
    ORDER BY q.at_ms DESC, q.id DESC LIMIT :limit
""")
_NAMED = text(f"SELECT {_COLUMNS} FROM {_FROM} WHERE {_SEEN} AND q.id = ANY(CAST(:ids AS text[]))")
_POSSIBLE = f"""
    (q.kind NOT IN ({", ".join(f"'{kind.value}'" for kind in NEVER_AGAIN)}) AND q.body IS NOT NULL
     AND ({" OR ".join(f"starts_with(q.source, '{subject}')" for subject in TAKEN_AGAIN)}))
"""
_STILL_HERE = text(f"""
    SELECT {_COLUMNS} FROM {_FROM} WHERE q.tenant = :tenant AND {_SELECTED} AND e.stream IS NULL
    AND {_POSSIBLE} = :possible
    ORDER BY q.at_ms, q.id LIMIT :limit
""")
_BODY = text("SELECT body FROM quarantine WHERE id = :id AND tenant = :tenant")


def _read(row: Sequence[Any]) -> Line:
    identity, tenant, kind, *rest = row
    return Line(identity, tenant, Kind(kind), *rest)


async def newest(
    connection: AsyncConnection, tenant: str, selection: Selection, after: tuple[int, str], limit: int
) -> list[Line]:
    """Return what a tenant may see, newest first; `after` is the place of the last one seen."""
    place = {"tenant": tenant, "at_ms": after[0], "before": after[1], "limit": limit}
    rows = await connection.execute(_NEWEST, {**msgspec.structs.asdict(selection), **place})
    return [_read(row) for row in rows]


async def named(connection: AsyncConnection, tenant: str, ids: Collection[str]) -> dict[str, Line]:
    """Return those of these that a tenant may see, by id."""
    rows = await connection.execute(_NAMED, {"tenant": tenant, "ids": list(ids)})
    return {line.id: line for line in map(_read, rows)}


async def still_here(
    connection: AsyncConnection, tenant: str, selection: Selection, limit: int, *, possible: bool
) -> list[Line]:
    """Return a tenant's own lines that were not sent again, oldest first: those that can be, or those that cannot."""
    own = {"tenant": tenant, "limit": limit, "possible": possible}
    parameters = {**msgspec.structs.asdict(selection), **own}
    return [_read(row) for row in await connection.execute(_STILL_HERE, parameters)]


async def body_of(connection: AsyncConnection, tenant: str, identity: str) -> bytes | None:
    """Return the whole body of one of a tenant's own lines; None where it was not kept, or is not the tenant's."""
    body = (await connection.execute(_BODY, {"id": identity, "tenant": tenant})).scalar()
    return None if body is None else bytes(body)
