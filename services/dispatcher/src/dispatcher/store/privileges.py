"""What the role may do that the dispatcher runs as: read and write rows, add events and never change one, and do
nothing to the schema.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_KNOWN = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
_MAKE = text(
    "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', CAST(:role AS text), CAST(:password AS text))"
)
_GRANTS = text("""
    SELECT format(said, CAST(:role AS text)) FROM (VALUES
        (1, 'REVOKE ALL ON SCHEMA public FROM %I'),
        (2, 'GRANT USAGE ON SCHEMA public TO %I'),
        (3, 'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I'),
        (4, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I'),
        (5, 'REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM %I'),
        (6, 'REVOKE UPDATE, DELETE ON events FROM %I')
    ) AS grants(place, said) ORDER BY place
""")
_OWNER = text("""
    SELECT 1 FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = :role AND c.relname = 'events'
""")


class CannotGrant(Exception):
    """The role is missing and cannot be made, or it is the schema's own."""


def role_of(database_url: str, migrate_database_url: str, database_role: str) -> str:
    """Return the role that is granted what `run` needs: the one that is named, else the user of DATABASE_URL where
    somebody else migrates; empty for none.
    """
    user = make_url(database_url).username or ""
    return database_role or (user if migrate_database_url else "")


async def grant(engine: AsyncEngine, role: str, password: str | None) -> None:
    """Let a role read and write rows, and of `events` only add some; one that is missing is made where its password is
    known. Raises CannotGrant.
    """
    async with engine.begin() as connection:
        if (await connection.execute(_OWNER, {"role": role})).first():
            raise CannotGrant(f"{role!r} owns the schema: let another role migrate (MIGRATE_DATABASE_URL)")
        if (await connection.execute(_KNOWN, {"role": role})).first() is None:
            if password is None:
                raise CannotGrant(f"there is no role {role!r}: CREATE ROLE {role} LOGIN PASSWORD '…'")
            await _run(connection, _MAKE, {"role": role, "password": password})
        await _run(connection, _GRANTS, {"role": role})


async def _run(connection: AsyncConnection, statements: TextClause, parameters: dict[str, str]) -> None:
    """Run what a statement returns: names and passwords are quoted by the server itself."""
    for statement in (await connection.execute(statements, parameters)).scalars().all():
        await connection.exec_driver_sql(statement)
