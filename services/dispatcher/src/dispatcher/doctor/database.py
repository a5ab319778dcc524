"""PostgreSQL: reachable, new enough, keeps what it commits, has our schema, and its clock goes as ours."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.doctor.finding import Finding, judge_clock, ok, warning, wrong
from dispatcher.settings import Settings
from dispatcher.store import schema
from dispatcher.store.postgres import connect

OLDEST, NEWEST = 15, 18
LATE_SECONDS = 60
"""So long after its commit an event should be published."""

_FACTS = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes,
           current_setting('synchronous_commit') AS synchronous_commit,
           (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
""")
_WAITING = text("""
    SELECT count(*) AS events, min(recorded_at_ms) AS oldest_ms FROM events
    WHERE global_position > (SELECT coalesce(max(position), 0) FROM relay_checkpoint WHERE name = 'events')
""")


async def examine(settings: Settings, now_ms: Callable[[], int]) -> list[Finding]:
    """Look at the database."""
    url = make_url(settings.database_url)
    engine = connect(settings.database_url, pool_size=1)
    try:
        async with engine.connect() as connection:
            found = await _server(connection, settings.clock_skew_s, now_ms)
        return [*found, *await _schema(engine, now_ms)]
    except (OSError, SQLAlchemyError) as error:
        seen = f"{url.host}:{url.port or 5432}/{url.database} cannot be used ({_reason(error)})"
        return [wrong("database", seen, "check DATABASE_URL, and that PostgreSQL runs and lets us in")]
    finally:
        await engine.dispose()


async def _server(
    connection: AsyncConnection, skew_seconds: float, now_ms: Callable[[], int]
) -> list[Finding]:
    before = now_ms()
    facts = (await connection.execute(_FACTS)).one()
    ahead_ms = facts.now_ms - (before + now_ms()) / 2
    version = f"PostgreSQL {facts.version}"
    found = [
        ok("database", version)
        if OLDEST <= facts.version <= NEWEST
        else warning("database", version, f"use {OLDEST} to {NEWEST}: nothing else is tested"),
        judge_clock("database", ahead_ms / 1000, skew_seconds),
    ]
    names = ("fsync", "full_page_writes", "synchronous_commit")
    off = [name for name in names if getattr(facts, name) == "off"]
    if not off:
        return [*found, ok("database", "a commit is on the disk")]
    advice = "switch it on: a crash loses what was accepted, and a message may go out twice"
    return [*found, wrong("database", f"{', '.join(off)} off", advice)]


async def _schema(engine: AsyncEngine, now_ms: Callable[[], int]) -> list[Finding]:
    if await schema.missing(engine):
        seen = f"not the schema of this program ({schema.newest()})"
        return [wrong("migrations", seen, "run `dispatcher migrate`; a newer schema needs a newer program")]
    async with engine.connect() as connection:
        waiting = (await connection.execute(_WAITING)).one()
    known = ok("migrations", f"schema {schema.newest()}")
    late = (now_ms() - waiting.oldest_ms) / 1000 if waiting.events else 0
    if late <= LATE_SECONDS:
        return [known, ok("relay", f"{waiting.events} events wait to be published")]
    seen = f"{waiting.events} events wait to be published, the oldest for {late:.0f} s"
    return [known, warning("relay", seen, "is a dispatcher running, and NATS reachable for it?")]


def _reason(error: Exception) -> str:
    """Return the driver's own words, without the statement that SQLAlchemy adds."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0].rpartition(">: ")[2]
