"""Bring the schema up to date. Several may try at once: the first holds a lock, the others find nothing to do."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.store import schema

MIGRATION_LOCK = 7_318_001
"""Key of the advisory lock that lets one migrate at a time; any number that nothing else uses."""


async def migrate(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """Apply what is missing; return the revision before and after."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        await connection.commit()
        try:
            before = await schema.revision(connection)
            await connection.run_sync(_upgrade)
            await connection.commit()
            return before, await schema.revision(connection)
        finally:
            await connection.rollback()
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            await connection.commit()


def config() -> Config:
    """Return what Alembic must know of us."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> None:
    ours = config()
    ours.attributes["connection"] = connection
    command.upgrade(ours, "head")
