"""Which schema this program needs, and which one a database has. Without Alembic: to load it takes a fifth of the time
of a start, and who asks for readiness need not wait for it.
"""

from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

VERSIONS = Path(__file__).parent / "migrations" / "versions"

_EXISTS = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")


@cache
def newest() -> str:
    """Return the revision that this program needs: a file begins with its own, and those are numbers in their order."""
    return max(path.stem for path in VERSIONS.glob("[0-9]*_*.py")).partition("_")[0]


async def revision(connection: AsyncConnection) -> str | None:
    """Return the revision that a database has; None for one without our schema."""
    if not (await connection.execute(_EXISTS)).scalar_one():
        return None
    return (await connection.execute(_REVISION)).scalar_one_or_none()


async def missing(engine: AsyncEngine) -> bool:
    """Tell whether the database lacks a migration that this program needs."""
    async with engine.connect() as connection:
        return await revision(connection) != newest()
