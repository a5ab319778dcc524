"""How this process fares: may it be sent requests, and would a restart help it?"""

import asyncio
from collections.abc import Mapping

from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.api.health import Check
from dispatcher.store import schema
from dispatcher.store.postgres import REBUILD_LOCK
from dispatcher.supervision import Health

CALL_SECONDS = 5.0
"""So long PostgreSQL may take to answer before it counts as away."""

_REBUILDS = text("""
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


def readiness(
    engine: AsyncEngine, client: Client, stopping: asyncio.Event, durability: Check
) -> dict[str, Check]:
    """Return the checks of what it needs to do its work; `durability` tells whether the broker keeps what it takes.
    `engine` is for these alone: whether the database is there does not depend on what the others' connections came to.
    """

    async def draining() -> str | None:
        return "stops as soon as all in flight is recorded" if stopping.is_set() else None

    async def database() -> str | None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                if await schema.missing(engine):
                    return "migrations are missing: run `dispatcher migrate`"
                async with engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError):
            return "no connection to PostgreSQL"
        return None

    async def nats() -> str | None:
        return None if client.is_connected else "no connection to NATS"

    return {"draining": draining, "database": database, "nats": nats, "nats_disk": durability}


def rebuilding(engine: AsyncEngine) -> Check:
    """Return the check whether a rebuild makes all writers wait, however long it takes."""

    async def rebuild() -> str | None:
        try:
            async with asyncio.timeout(CALL_SECONDS), engine.connect() as connection:
                found = await connection.execute(_REBUILDS, {"key": REBUILD_LOCK})
        except (OSError, SQLAlchemyError):
            return "no connection to PostgreSQL"
        return "the projections are made anew" if found.first() else None

    return rebuild


def liveness(health: Health, excused: Mapping[str, Check], seconds: float) -> dict[str, Check]:
    """Return the check of what a restart may mend: loops that crash on and on, or hang, although all they need is there
    (`excused` tells what is not).
    """

    async def loops() -> str | None:
        now = asyncio.get_running_loop().time()
        found = {"crashing on and on": health.failing(now, seconds), "hanging": health.hanging(now, seconds)}
        told = [f"{what}: {', '.join(names)}" for what, names in found.items() if names]
        if not told or any([await check() for check in excused.values()]):
            return None
        return "; ".join(told)

    return {"loops": loops}
