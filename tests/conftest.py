"""Fixtures for all tests: real servers, and databases of one's own."""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from local_stack.nats_server import NatsServer
from local_stack.ports import HIGHEST, LOWEST, VARIABLE
from local_stack.postgres_server import PostgresServer
from support.servers import (
    Databases,
    new_nats_server,
    new_postgres_server,
    running_nats,
    running_postgres,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take `--seed N`: the one world that the simulation runs again."""
    parser.addoption("--seed", type=int, default=None, help="run this one seed of the simulation")


LONGEST_FIRST = (
    "fault/test_short_fault_run.py",
    "e2e/test_creation_load.py",
    "e2e/test_steering.py",
    "e2e/test_scale.py",
    "e2e/test_misbehaviour_at_scale.py",
    "e2e/test_two_dispatchers.py",
    "bench/test_bench.py",
    "e2e/test_local_stack_up.py",
    "fault/test_short_soak.py",
    "e2e/test_cli_doctor.py",
)
"""The files that take longest. A worker takes whole files in their order: one that begins last would be waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that the workers end together; then those side by side that share a system."""

    def place(item: pytest.Item) -> tuple[int, str]:
        path = item.path.as_posix()
        longest = next((n for n, name in enumerate(LONGEST_FIRST) if path.endswith(name)), len(LONGEST_FIRST))
        module = getattr(item, "module", None)
        settings = sorted(getattr(module, "SETTINGS", {}).items()) if "/e2e/" in path else "no system"
        return longest, f"{settings} {getattr(module, 'ALONE', False)}"

    items.sort(key=place)


def pytest_configure() -> None:
    """Let no example fail by the clock. Give each worker a range of ports: the port of a server that a test has killed
    looks free to the others.
    """
    settings.register_profile("suite", deadline=None)
    settings.load_profile("suite")
    name = os.environ.get("PYTEST_XDIST_WORKER")
    if name is not None:
        share = (HIGHEST - LOWEST) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        lowest = LOWEST + share * int(name.removeprefix("gw"))
        os.environ[VARIABLE] = f"{lowest}-{lowest + share - 1}"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The run's PostgreSQL. Tests use `database_url` or `create_database`, which are their own."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def databases(postgres_url: str) -> AsyncIterator[Databases]:
    """Where databases are made; on a given server all of them are dropped at the end, ours goes with them."""
    made = Databases(postgres_url, f"test_{os.getpid()}_{uuid.uuid4().hex[:8]}")
    yield made
    if os.environ.get("DATABASE_URL"):
        await made.drop_all()


@pytest.fixture
def create_database(databases: Databases) -> Callable[[], Awaitable[str]]:
    """Make a fresh, empty database: `url = await create_database()`."""
    return databases.create


@pytest_asyncio.fixture
async def database_url(databases: Databases) -> str:
    """A fresh, empty database for this test."""
    return await databases.create()


@pytest_asyncio.fixture(scope="module")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A nats-server for this module: the NATS streams of one module are not seen by another."""
    async with running_nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture
def start_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], NatsServer]]:
    """Start a nats-server that the test may kill and start again: `server = start_nats()`."""
    servers: list[NatsServer] = []

    def start() -> NatsServer:
        server = new_nats_server(tmp_path_factory.mktemp("own-nats"))
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], PostgresServer]]:
    """Start a PostgreSQL that the test may kill and start again: `server = start_postgres()`."""
    servers: list[PostgresServer] = []

    def start() -> PostgresServer:
        folder: Path = tmp_path_factory.mktemp("own-postgres")
        server = new_postgres_server(folder)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
