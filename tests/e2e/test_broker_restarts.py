"""nats-server is killed and started again, ten times in a row: consumption goes on, and within five seconds unless the
machine itself pauses.
"""

import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
import pytest_asyncio

from contracts import subjects
from contracts.delivery import SessionReported
from local_stack.nats_server import NatsServer
from support.bus import Bus
from support.eventually import eventually
from support.servers import Databases, new_nats_server
from support.system import System, running_system_on

RESTARTS = 10
WITHIN_S = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> NatsServer:
    return new_nats_server(tmp_path_factory.mktemp("restarted-nats"))


@pytest_asyncio.fixture(scope="module")
async def system(
    server: NatsServer, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    server.start()
    try:
        folder = tmp_path_factory.mktemp("system")
        async with running_system_on(server.url, await databases.create_migrated(), folder) as running:
            yield running
    finally:
        server.stop()


async def report(server: NatsServer, number: int) -> str:
    """Publish a delivery report about a session of its own; return that session."""
    now, session_id = datetime.now(UTC), f"wa_restart_{number}"
    told = SessionReported(
        id=f"ss-restart-{number}",
        time=now,
        correlation=f"restart-{number}",
        session_id=session_id,
        at=now,
        status="connected",
    )
    bus = await Bus.connect(server.url)
    try:
        await bus.publish(subjects.of_delivery(told), msgspec.json.encode(told))
    finally:
        await bus.close()
    return session_id


async def test_consumption_goes_on_after_each_restart_and_within_five_seconds_of_most(
    system: System, server: NatsServer
) -> None:
    seconds = []
    for number in range(RESTARTS):
        server.kill()
        server.start()
        started = time.monotonic()
        session_id = await report(server, number)

        async def is_recorded(session_id: str = session_id) -> bool:
            query = "SELECT 1 FROM session_status WHERE session_id = $1"
            return bool(await system.truth.fetch(query, session_id))

        await eventually(is_recorded)
        seconds.append(time.monotonic() - started)
    assert statistics.median(seconds) < WITHIN_S, seconds
