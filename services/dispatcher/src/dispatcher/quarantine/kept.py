"""The lines of the quarantine: how each is kept, once, and what can be sent again."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import as_rows

BEGINNING = 2_000
"""So many characters of a body stand in lists."""


class Kind(StrEnum):
    """Why something was not applied."""

    INVALID = "invalid"
    """A callback whose body did not validate."""
    UNKNOWN = "unknown"
    """A callback with an event word that is new to us."""
    CONFLICT = "conflict"
    """It says something else than what came before under the same identity."""
    UNREADABLE = "unreadable"
    """A NATS message that cannot be read, or never carried out."""
    UNDELIVERED = "undelivered"
    """A NATS message that was tried `max_deliver` times in vain."""


class Kept(msgspec.Struct, frozen=True):
    """Something in quarantine. `source` is a hook of the gateway, or a NATS subject; `about` the report that it
    contradicts, or what was in quarantine before and came back as this. `body` is None where it was too large for a
    dead message: the reason says where it lies.
    """

    id: str
    tenant: str
    kind: Kind
    source: str
    reason: str
    body: bytes | None
    at_ms: int
    about: str | None = None

    @property
    def beginning(self) -> str:
        """What its body begins with; bytes that are no text are replaced."""
        return (self.body or b"")[: 4 * BEGINNING].decode(errors="replace")[:BEGINNING]


_KEEP = text("""
    INSERT INTO quarantine (id, tenant, kind, source, reason, about, at_ms, beginning, body)
    SELECT id, tenant, kind, source, reason, about, at_ms, beginning, decode(body, 'base64')
    FROM json_to_recordset(CAST(:rows AS json)) AS n(id text, tenant text, kind text, source text, reason text,
                                                     about text, at_ms bigint, beginning text, body text)
    ON CONFLICT (id) DO NOTHING
""")


async def keep(connection: AsyncConnection, things: Sequence[Kept]) -> None:
    """Keep what was not applied; the same once."""
    if things:
        lines = [{**msgspec.structs.asdict(thing), "beginning": thing.beginning} for thing in things]
        await connection.execute(_KEEP, as_rows(lines))
