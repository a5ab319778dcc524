"""The schema: brought up to date by any number at once, there and back, and needed before anything runs."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import dispatcher
from dispatcher.projections.compare import TABLES
from dispatcher.store import migrate as migrations
from dispatcher.store import schema
from dispatcher.store.postgres import connect

TEST_SECRET = "s3cret-that-nobody-may-see"  # that is what is tested
TOO_NEW = [
    r"\bMERGE\b.*\bRETURNING\b",
    "JSON_TABLE",
    r"uuidv7\(",
    r"\bVIRTUAL\b",
    r"RETURNING\s+(OLD|NEW|WITH)\b",
]
TOO_NEW += [
    r"\bANY_VALUE\(",
    r"\bIS\s+JSON\b",
    "JSON_SERIALIZE",
    "JSON_SCALAR",
    r"random\(\s*\d",
    "WITHOUT OVERLAPS",
]
"""What came with PostgreSQL 16, 17 and 18."""


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An empty database."""
    engine = connect(database_url)
    yield engine
    await engine.dispose()


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        return {name for (name,) in found}


async def test_several_that_migrate_at_once_do_it_once(database_url: str):
    engines = [connect(database_url) for _ in range(3)]
    try:
        done = await asyncio.gather(*(migrations.migrate(engine) for engine in engines))
    finally:
        for engine in engines:
            await engine.dispose()
    newest = schema.newest()
    assert sorted(done, key=str) == sorted([(None, newest), (newest, newest), (newest, newest)], key=str)


async def test_a_migration_that_waits_does_not_stop_the_others(engine: AsyncEngine):
    await migrations.migrate(engine)
    assert await migrations.migrate(engine) == (schema.newest(), schema.newest())
    async with engine.connect() as connection:
        locks = await connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert locks.scalar_one() == 0


def test_the_newest_file_is_the_newest_revision():
    assert schema.newest() == ScriptDirectory.from_config(migrations.config()).get_current_head()


async def test_the_schema_holds_every_projection(engine: AsyncEngine):
    await migrations.migrate(engine)
    assert {*TABLES, "events", "relay_checkpoint", "parked_reports", "session_leases"} <= await tables(engine)


async def test_down_and_up_again(engine: AsyncEngine):
    def down(connection: Connection) -> None:
        config = migrations.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    await migrations.migrate(engine)
    before = await tables(engine)
    async with engine.begin() as connection:
        await connection.run_sync(down)
    assert await tables(engine) == {"alembic_version"}
    assert await schema.missing(engine)
    await migrations.migrate(engine)
    assert await tables(engine) == before


async def test_a_database_without_the_migrations_is_missing_them_and_one_with_them_is_not(
    engine: AsyncEngine,
):
    assert await schema.missing(engine)
    await migrations.migrate(engine)
    assert not await schema.missing(engine)


async def run_dispatcher(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run a command of the program to its end; return its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatcher", *arguments),
        env={"PATH": os.environ["PATH"], **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, output.decode()


SERVING = {"VPS_URL": "http://127.0.0.1:1", "VPS_API_KEY": TEST_SECRET, "API_KEYS": f"acme:{TEST_SECRET}"}


async def test_run_refuses_a_database_without_the_migrations_and_says_what_to_do(database_url: str):
    code, output = await run_dispatcher("run", DATABASE_URL=database_url, **SERVING)
    assert (code, output) == (
        1,
        "dispatcher: the database lacks migrations: run `dispatcher migrate` first\n",
    )


async def test_migrate_says_what_it_did(database_url: str):
    done = await run_dispatcher("migrate", DATABASE_URL=database_url)
    assert done == (0, f"schema empty -> {schema.newest()}\n")
    code, output = await run_dispatcher("migrate", "--json", DATABASE_URL=database_url)
    newest = schema.newest()
    assert (code, msgspec.json.decode(output)) == (
        0,
        {"before": newest, "after": newest, "granted_to": None},
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{TEST_SECRET}@127.0.0.1:1/nowhere",
        f"postgresql://user:{TEST_SECRET}@127.0.0.1:port/x",
    ],
)
async def test_a_database_that_cannot_be_reached_ends_the_program_without_telling_the_password(url: str):
    code, output = await run_dispatcher("run", DATABASE_URL=url, **SERVING)
    assert code != 0
    assert TEST_SECRET not in output


def test_the_sql_needs_nothing_newer_than_postgresql_15():
    """The servers that tests get may be newer; what they alone know would not be noticed there."""
    newer = re.compile("|".join(TOO_NEW))
    sources = Path(dispatcher.__file__).parent.rglob("*.py")
    found = {str(source): match[0] for source in sources if (match := newer.search(source.read_text()))}
    assert found == {}
