"""The role that the dispatcher runs as reads and writes rows, and can change neither the schema nor an event; it is
enough.
"""

import asyncpg
import pytest

from support.servers import RUNNING_ROLE
from support.system import System

ALONE = True

FORBIDDEN = [
    "CREATE TABLE public.more (id int)",
    "CREATE SCHEMA more",
    "CREATE FUNCTION public.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE INDEX ON events (type)",
    "ALTER TABLE events ADD COLUMN more int",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "DROP TABLE events",
    "TRUNCATE events",
    "UPDATE events SET tenant = tenant",
    "DELETE FROM events",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM alembic_version",
    "CREATE ROLE more",
]


def url_of(system: System) -> str:
    return system.environment_of("dispatcher")["DATABASE_URL"]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_what_would_change_the_schema_or_the_past_is_refused(system: System, statement: str) -> None:
    connection = await asyncpg.connect(url_of(system))
    try:
        assert await connection.fetchval("SELECT current_user") == RUNNING_ROLE
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_dispatcher_itself_runs_as_that_role_and_does_its_work(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "completed", 3, 0)
    users = await system.truth.fetch(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'dispatcher-%'"
    )
    assert [name for (name,) in users] == [RUNNING_ROLE]


async def test_verify_needs_no_more_and_migrate_and_rebuild_take_the_owner(system: System) -> None:
    for command in (("verify",), ("migrate",), ("rebuild",), ("verify",)):
        ended = await system.run(*command)
        assert ended.code == 0, ended.output
