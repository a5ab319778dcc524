"""Real servers for tests: started once per run on free ports, or given by NATS_URL and DATABASE_URL.

A server that cannot start fails the tests that need it; nothing is skipped.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import nats
from nats.js.errors import NotFoundError

from contracts.streams import STREAMS
from dispatcher.store.migrate import migrate
from dispatcher.store.postgres import connect
from dispatcher.store.privileges import grant
from local_stack.nats_server import NatsServer
from local_stack.ports import ports_of
from local_stack.postgres_server import PostgresServer


def new_nats_server(folder: Path) -> NatsServer:
    """Return a nats-server of one's own on free ports, not started yet."""
    ports = ports_of(os.environ)
    return NatsServer(folder, ports.next_port(), ports.next_port(), folder / "nats.log")


def new_postgres_server(folder: Path) -> PostgresServer:
    """Return a PostgreSQL server of one's own on a free port, not started yet."""
    port = ports_of(os.environ).next_port()
    return PostgresServer(folder / "postgres", port, folder / "postgres.log")


@asynccontextmanager
async def running_nats(folder: Path) -> AsyncIterator[str]:
    """Give the URL of a running nats-server without our NATS streams.

    The given one (whose streams of that name are deleted), else a new one that is stopped afterwards.
    """
    given = os.environ.get("NATS_URL")
    if given:
        await delete_streams(given)
        yield given
        return
    server = new_nats_server(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


async def delete_streams(nats_url: str) -> None:
    """Delete the contract's NATS streams, with all that is in them."""
    connection = await nats.connect(nats_url)
    try:
        jetstream = connection.jetstream()
        for stream in STREAMS:
            with suppress(NotFoundError):
                await jetstream.delete_stream(stream.name)
    finally:
        await connection.close()


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Give the URL of a running PostgreSQL: the given one, else a new one that is stopped afterwards."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    server = new_postgres_server(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


class Databases:
    """Makes fresh, empty databases on one PostgreSQL, and drops them at the end of the run."""

    def __init__(self, server_url: str, prefix: str) -> None:
        self.server_url = server_url
        self._names = (f"{prefix}_{number}" for number in itertools.count(1))
        self._made: list[str] = []
        self._pattern: str | None = None

    async def create(self) -> str:
        """Make an empty database and return its URL."""
        return await self._create("template1")

    async def create_migrated(self) -> str:
        """Make a database as `dispatcher migrate` leaves it and return its URL; all but the first are copies."""
        if self._pattern is None:
            url = await self.create()
            await _migrate(url)
            self._pattern = urlsplit(url).path.removeprefix("/")
        return await self._create(self._pattern)

    async def _create(self, pattern: str) -> str:
        name = next(self._names)
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{pattern}"')
        self._made.append(name)
        return urlunsplit(urlsplit(self.server_url)._replace(path=f"/{name}"))

    async def drop_all(self) -> None:
        """Drop what was made, even where somebody is still connected."""
        while self._made:
            await self._execute(f'DROP DATABASE IF EXISTS "{self._made.pop()}" WITH (FORCE)')
        await self._execute(f"DROP ROLE IF EXISTS {RUNNING_ROLE}")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(plain(self.server_url))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


RUNNING_ROLE, RUNNING_PASSWORD = "test_running", "it-may-not-change-the-schema"
"""Whom the dispatcher runs as in tests; `dispatcher migrate` makes that role."""


async def _migrate(database_url: str) -> None:
    engine = connect(database_url)
    await migrate(engine)
    await grant(engine, RUNNING_ROLE, RUNNING_PASSWORD)
    await engine.dispose()


def as_running_role(database_url: str) -> str:
    """Return the URL of a database for the role that the dispatcher runs as."""
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{RUNNING_ROLE}:{RUNNING_PASSWORD}@{place}"))


def plain(database_url: str) -> str:
    """Return a database URL without SQLAlchemy's driver name, as asyncpg wants it."""
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(scheme="postgresql"))
