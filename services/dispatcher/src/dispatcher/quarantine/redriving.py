"""Send again what is in quarantine: recorded first, and published as it was by `processes/redrive_quarantine`.

Each is sent again once. What then cannot be applied again is another line, which names this one: nothing goes round.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.domain.quarantine_redrive import QuarantineRedriven
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.quarantine.kept import Kind
from dispatcher.quarantine.lines import TAKEN_AGAIN, Line, Selection, named, still_here

AT_ONCE = 10_000
"""So many a selection sends again in one call: all are recorded in one transaction."""


class Wish(msgspec.Struct, frozen=True):
    """Who wants it, of which tenant, and why; with `dry_run` it is only told what would come of it."""

    tenant: str
    by: str
    why: str | None = None
    dry_run: bool = False


class NotRedriven(msgspec.Struct, frozen=True):
    """What is not sent again, and why."""

    id: str
    code: str
    detail: str


class Redriven(msgspec.Struct, frozen=True):
    """What came of it: so many are sent again, so many were already, and which are not. `more`: a selection was larger
    than one call takes.
    """

    redriven: int
    already: int
    refused: list[NotRedriven]
    more: bool = False


_ORDER = text("""
    INSERT INTO quarantine_redrives (id, ordered_at_ms)
    SELECT id, CAST(:now_ms AS bigint) FROM unnest(CAST(:ids AS text[])) AS n(id)
""")


def refusal_of(line: Line, tenant: str) -> NotRedriven | None:
    """Return why something cannot be sent again."""
    if line.tenant != tenant:
        return NotRedriven(
            line.id, "NOT_YOURS", f"it belongs to no tenant that we know: a key of `{line.tenant}` may"
        )
    if line.kind is Kind.CONFLICT:
        detail = "it contradicts what was said before under its identity: settle the message that it is about"
        return NotRedriven(line.id, "CONFLICT", detail)
    if line.kind in (Kind.INVALID, Kind.UNKNOWN):
        detail = (
            f"it is a raw callback, which only the gateway can translate: post its body to /webhooks/{line.source}"
            " there, once that takes it"
        )
        return NotRedriven(line.id, "NEEDS_THE_GATEWAY", detail)
    if not line.source.startswith(TAKEN_AGAIN):
        return NotRedriven(line.id, "NOT_CONSUMED", f"nothing is consumed from {line.source}")
    if line.size is None:
        detail = "its whole body lies only in the NATS stream that its reason names, or else in DEAD"
        return NotRedriven(line.id, "BODY_NOT_KEPT", detail)
    return None


async def redrive_named(
    engine: AsyncEngine, rules: Rules, wish: Wish, ids: Sequence[str], now_ms: int
) -> Redriven:
    """Send named ones again."""
    async with batch(engine, rules, now_ms) as (connection, handling):
        found = await named(connection, wish.tenant, ids)
        unknown = [
            NotRedriven(identity, "NOT_FOUND", "there is no such thing in quarantine")
            for identity in dict.fromkeys(ids)
            if identity not in found
        ]
        done = await _redrive(connection, handling, list(found.values()), wish)
    return msgspec.structs.replace(done, refused=[*unknown, *done.refused])


async def redrive_selected(
    engine: AsyncEngine, rules: Rules, wish: Wish, selection: Selection, now_ms: int
) -> Redriven:
    """Send a tenant's own again that were not yet, oldest first. What cannot be stands behind them: it stays, and would
    be all that a call comes to.
    """
    async with batch(engine, rules, now_ms) as (connection, handling):
        found = await still_here(connection, wish.tenant, selection, AT_ONCE + 1, possible=True)
        going = found[:AT_ONCE]
        room = AT_ONCE - len(going)
        others = await still_here(connection, wish.tenant, selection, room, possible=False)
        done = await _redrive(connection, handling, [*going, *others], wish)
    return msgspec.structs.replace(done, more=len(found) > AT_ONCE)


async def _redrive(
    connection: AsyncConnection, handling: Handling, found: Sequence[Line], wish: Wish
) -> Redriven:
    wanted = [line for line in found if line.redriven_at_ms is None]
    refused = [refused for line in wanted if (refused := refusal_of(line, wish.tenant))]
    kept_back = {each.id for each in refused}
    going = [line for line in wanted if line.id not in kept_back]
    if not wish.dry_run:
        for line in going:
            event = QuarantineRedriven(handling.now_ms, wish.tenant, line.id, line.source, wish.by, wish.why)
            handling.record_redrive(event, Cause(line.id))
        await connection.execute(_ORDER, {"ids": [line.id for line in going], "now_ms": handling.now_ms})
    return Redriven(len(going), len(found) - len(wanted), refused)
