"""A migrated database for each module of the dispatcher's tests, emptied before each test."""

from collections.abc import AsyncIterator

import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy import text

from dispatcher import broker
from dispatcher.store.postgres import connect
from support.dispatching import Bed
from support.servers import Databases, delete_streams

EMPTY = text("""
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
        FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
            EXECUTE format('ALTER SEQUENCE %I RESTART', name);
        END LOOP;
    END $$
""")
"""A few rows are deleted sooner than two dozen tables are truncated."""


@pytest_asyncio.fixture(scope="module")
async def migrated_url(databases: Databases) -> str:
    """The module's database. To make and drop one for each test would take most of the time."""
    return await databases.create_migrated()


@pytest_asyncio.fixture
async def bed(migrated_url: str) -> AsyncIterator[Bed]:
    """The dispatcher's parts on an empty store."""
    engine = connect(migrated_url)
    async with engine.begin() as connection:
        await connection.execute(EMPTY)
    yield Bed(engine)
    await engine.dispose()


@pytest_asyncio.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    """A connection to a server that has our NATS streams, empty."""
    await delete_streams(nats_url)
    client = await broker.connect(nats_url)
    await broker.set_up(client.jetstream())
    yield client
    await client.close()
