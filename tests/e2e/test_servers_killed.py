"""NATS and PostgreSQL are killed in the middle of a campaign and started again: all goes on, nothing is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from contracts.events import RecipientSent
from local_stack.nats_server import NatsServer
from local_stack.postgres_server import PostgresServer
from support.eventually import eventually
from support.published import assert_all_published
from support.servers import Databases, new_nats_server, new_postgres_server
from support.system import System, running_system_on

RECIPIENTS = 200
SETTINGS = {"CALLBACK_DEADLINE_S": "40"}
"""Longer than a restart takes, so that callbacks settle, and not look-ups."""
WITHIN_S = 60


class Servers(msgspec.Struct, frozen=True):
    """Servers that these tests may kill."""

    nats: NatsServer
    postgres: PostgresServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("killed-servers")


@pytest_asyncio.fixture(scope="module")
async def servers(folder: Path) -> AsyncIterator[Servers]:
    own = Servers(new_nats_server(folder / "nats"), new_postgres_server(folder))
    try:
        own.nats.start()
        own.postgres.start()
        yield own
    finally:
        own.nats.stop()
        own.postgres.stop()


@pytest_asyncio.fixture(scope="module")
async def system(servers: Servers, folder: Path) -> AsyncIterator[System]:
    database_url = await Databases(servers.postgres.url, "killed").create_migrated()
    async with running_system_on(servers.nats.url, database_url, folder, **SETTINGS) as running:
        yield running


async def begin(system: System) -> tuple[str, list[str], str]:
    """Begin a campaign and wait until a quarter of it is sent; return session, groups and broadcast_id."""
    session_id, groups = system.new_session(), system.new_groups(RECIPIENTS)
    await system.vps.put_session(session_id, answer_delay_ms=5, honour_idempotency_key=False)
    broadcast_id = await system.api.create(session_id, groups)

    async def under_way() -> bool:
        return (await system.ledger(session_id)).sent >= RECIPIENTS // 4

    await eventually(under_way, 30)
    return session_id, groups, broadcast_id


async def until_ready(system: System, status: int) -> None:
    """Wait until the dispatcher says that it is ready, or that it is not."""

    async def says() -> bool:
        answer = await system.api.call("GET", "/health/ready")
        assert answer.status == status, answer
        return True

    await eventually(says, 30)


async def assert_all_sent_once(system: System, session_id: str, groups: list[str], broadcast_id: str) -> None:
    """Wait for the end, and compare the API, the ledger, the store and what was published."""
    campaign = await system.api.until_finished(broadcast_id, WITHIN_S)
    await system.vps.wait_until_idle(WITHIN_S)
    assert campaign.outcome == ("completed", RECIPIENTS, 0)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
    assert (await system.vps.callbacks(limit=0)).counts.get("given_up", 0) == 0
    await assert_all_published(system, broadcast_id, repeats_allowed=True)
    verified = await system.run("rebuild", "--verify")
    assert verified.code == 0, verified.output


async def test_nats_killed_and_started_again_consumption_and_publishing_go_on(
    system: System, servers: Servers
) -> None:
    session_id, groups, broadcast_id = await begin(system)
    servers.nats.kill()
    await until_ready(system, 503)
    servers.nats.start()
    await assert_all_sent_once(system, session_id, groups, broadcast_id)
    told = await system.bus.events(broadcast_id)
    sources = {event.source for event in told if isinstance(event, RecipientSent)}
    assert sources == {"callback"}
    await until_ready(system, 200)


async def test_postgres_killed_and_started_again_sending_goes_on(system: System, servers: Servers) -> None:
    session_id, groups, broadcast_id = await begin(system)
    servers.postgres.kill()
    await until_ready(system, 503)
    answer = await system.api.call("GET", f"/api/campaigns/{broadcast_id}")
    assert (answer.status, answer.json["code"]) == (503, "STORE_UNAVAILABLE")
    servers.postgres.start()
    await assert_all_sent_once(system, session_id, groups, broadcast_id)
    await until_ready(system, 200)
