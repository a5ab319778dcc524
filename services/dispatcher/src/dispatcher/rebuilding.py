"""`dispatcher rebuild` and `dispatcher verify`: make the projections anew from the events, or compare them with what
the events say; with progress, for somebody who waits.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.projections import verify as verifying
from dispatcher.projections.compare import TABLES, Difference
from dispatcher.projections.invariants import Violation
from dispatcher.projections.rebuild import PAGE, fold
from dispatcher.projections.write import write
from dispatcher.store.postgres import REBUILD_LOCK, appending
from dispatcher.store.writes import Writes

SHOWN = 20
"""So many differences are printed."""


class Report(msgspec.Struct, frozen=True):
    """What a rebuild or a comparison came to; `rows` counts lines per table."""

    done: str
    events: int
    rows: dict[str, int]
    differences: list[Difference]
    violations: list[Violation]
    seconds: float

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not self.differences and not self.violations


async def rebuild(engine: AsyncEngine, console: Console, page: int = PAGE) -> Report:
    """Throw the projections away and make them anew, in one transaction that holds the append lock."""
    started, rows, events = time.monotonic(), dict.fromkeys(TABLES, 0), 0
    async with appending(engine) as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": REBUILD_LOCK})
        await connection.execute(text(f"TRUNCATE {', '.join(TABLES)}"))
        with _progress(console, "rebuilding", await _count(connection)) as tell:
            async for chunk in fold(connection, page=page):
                events += chunk.events
                writes = Writes()
                write(writes, chunk.changes)
                await writes.carry_out(connection)
                tell(chunk.events)
        for table in TABLES:
            rows[table] = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608
    return Report("rebuilt", events, rows, [], [], time.monotonic() - started)


async def verify(engine: AsyncEngine, console: Console, page: int = PAGE) -> Report:
    """Check all rules, fold all events again and compare every line with the live ones, in one snapshot; changes
    nothing and holds nobody up.
    """
    started = time.monotonic()
    async with verifying.snapshot(engine) as connection:
        with _progress(console, "comparing", await _count(connection)) as tell:
            found = await verifying.verify(connection, page=page, tell=tell)
    seconds = time.monotonic() - started
    return Report("compared", found.events, found.rows, found.differences, found.violations, seconds)


def render_json(report: Report) -> str:
    """Return a report as JSON: `clean`, the rows of each table, and what is wrong, of each kind at most so many."""
    told = {
        "done": report.done,
        "clean": report.clean,
        "events": report.events,
        "rows": report.rows,
        "difference_count": len(report.differences),
        "violation_count": len(report.violations),
        "differences": report.differences[:SHOWN],
        "violations": report.violations[:SHOWN],
        "seconds": round(report.seconds, 3),
    }
    return msgspec.json.encode(told).decode()


def show(report: Report, console: Console) -> None:
    """Print a report."""
    table = Table()
    table.add_column("projection")
    table.add_column("rows", justify="right")
    for name in TABLES:
        table.add_row(name, str(report.rows.get(name, 0)))
    console.print(table)
    for violation in report.violations[:SHOWN]:
        console.print(
            f"broken: {violation.rule}\n  {violation.key}: {violation.found}", style="red", markup=False
        )
    for difference in report.differences[:SHOWN]:
        console.print(
            f"{difference.table} {difference.key}\n  events say: {difference.folded}\n  live:       {difference.live}",
            style="red",
            markup=False,
        )
    rows = sum(report.rows.values())
    rules = "" if report.done == "rebuilt" else f", {len(report.violations)} broken rules"
    console.print(
        f"{report.done} {rows} rows from {report.events} events in {report.seconds:.1f} s:"
        f" {len(report.differences)} differences{rules}",
        markup=False,
    )


async def _count(connection: AsyncConnection) -> int:
    total: int = (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one()
    return total


@contextmanager
def _progress(console: Console, doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar that counts events; give who tells it that more were folded."""
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bar, console=console) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda events: progress.advance(task, events)
