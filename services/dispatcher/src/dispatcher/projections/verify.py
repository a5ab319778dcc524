"""Verify: do the rows obey their rules, and do they say what the events say? Reads alone, on a live system."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.projections import invariants
from dispatcher.projections.changes import Changes
from dispatcher.projections.compare import (
    Comparison,
    Difference,
    compare_chunk,
    compare_copies,
    compare_outcomes,
    compare_totals,
)
from dispatcher.projections.invariants import Violation
from dispatcher.projections.rebuild import EVERYTHING, PAGE, fold, spans_of
from dispatcher.projections.rows import OutcomeRow


class Verified(msgspec.Struct, frozen=True):
    """What was found; `rows` counts the lines that were compared, per table."""

    events: int
    rows: dict[str, int]
    differences: list[Difference]
    violations: list[Violation]

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not self.differences and not self.violations


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection that sees one moment, and holds nobody up."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


async def verify(
    connection: AsyncConnection,
    campaigns: Collection[UUID] | None = None,
    *,
    page: int = PAGE,
    tell: Callable[[int], object] | None = None,
) -> Verified:
    """Check the rules, and compare the rows of these campaigns, or all rows, with the fold of their events, `page` by
    page; `tell` hears how many events were folded since it was last told.
    """
    violations = await invariants.check(connection, campaigns)
    comparison, events, last = Comparison({}, []), 0, Changes()
    outcomes: dict[tuple[str, int], OutcomeRow] = {}
    spans = [EVERYTHING] if campaigns is None else spans_of(campaigns)
    async for chunk in fold(connection, spans, page):
        events, last = events + chunk.events, chunk.changes
        await compare_chunk(connection, chunk.changes, comparison)
        _add(outcomes, chunk.changes)
        if tell:
            tell(chunk.events)
    await compare_totals(connection, last, comparison)
    if campaigns is None:
        await compare_outcomes(connection, outcomes, comparison)
        await compare_copies(connection, comparison)
    await comparison.add_surplus(connection, campaigns)
    return Verified(events, comparison.rows, comparison.differences, violations)


def _add(outcomes: dict[tuple[str, int], OutcomeRow], changes: Changes) -> None:
    for key, row in changes.outcomes.items():
        known = outcomes.get(key)
        outcomes[key] = OutcomeRow(*key, known.outcome.plus(row.outcome)) if known else row
