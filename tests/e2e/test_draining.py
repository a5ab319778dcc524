"""SIGTERM: nothing new begins, what is in flight is brought to its end, the sessions are free for others at once."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from support.eventually import eventually
from support.servers import Databases
from support.system import System, running_system

SLOW_MS = 5000
SETTINGS = {"VPS_TIMEOUT_S": "20", "CALLBACK_DEADLINE_S": "60", "LEASE_S": "60", "DRAIN_S": "40"}


@pytest_asyncio.fixture
async def system(tmp_path: Path, databases: Databases) -> AsyncIterator[System]:
    """A system of its own for each test: its dispatcher is stopped."""
    async with running_system(tmp_path, databases, **SETTINGS) as running:
        yield running


async def in_flight(system: System) -> str:
    """Let a message be under way to a slow VPS, and another wait behind it."""
    session_id, groups = system.new_session(), system.new_groups(2)
    await system.vps.put_session(
        session_id, answer_delay_ms=SLOW_MS, callback_min_ms=2 * SLOW_MS, callback_max_ms=2 * SLOW_MS
    )
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_step(broadcast_id, groups[0], "recipient.started")
    return broadcast_id


def terminate(system: System) -> None:
    """Ask the dispatcher to end, as Kubernetes does."""
    os.kill(system.dispatcher.pid or 0, signal.SIGTERM)


async def until_ended(system: System) -> None:
    """Wait for the end of the dispatcher."""
    await eventually(lambda: not system.dispatcher.is_running, 60)


async def readiness(system: System) -> tuple[int, str]:
    """What `/health/ready` answers, and what it says of the draining."""
    url = f"{system.api.url}/health/ready"
    async with system.http.get(url) as answer:
        return answer.status, (await answer.json())["checks"]["draining"]


async def until_draining(system: System) -> None:
    """Wait until it says that it is not ready any more."""

    async def drains() -> bool:
        return (await readiness(system))[0] == 503

    await eventually(drains, 15)


async def test_a_message_in_flight_is_recorded_and_no_other_begins(system: System) -> None:
    broadcast_id = await in_flight(system)
    assert await readiness(system) == (200, "ok")
    terminate(system)
    await until_draining(system)
    assert system.dispatcher.is_running
    await until_ended(system)
    assert system.dispatcher.exit_code == 0
    steps = await system.truth.fetch(
        "SELECT type, count(*) FROM events WHERE stream LIKE 'recipient-%' GROUP BY type"
    )
    counts = {row[0]: row[1] for row in steps}
    assert (counts["recipient.started"], counts["recipient.accepted"]) == (1, 1)
    leases = await system.truth.fetch("SELECT max(expires_at_ms) FROM session_leases")
    assert leases[0][0] == 0, "given back, so that the next one need not wait for the lease to run out"
    await system.start("dispatcher")
    assert (await system.api.until_finished(broadcast_id, within_s=60)).outcome == ("completed", 2, 0)


async def test_a_second_signal_ends_it_at_once_and_loses_nothing(system: System) -> None:
    broadcast_id = await in_flight(system)
    terminate(system)
    await until_draining(system)
    terminate(system)
    await until_ended(system)
    assert system.dispatcher.exit_code == 128 + signal.SIGTERM
    assert await system.truth.fetch("SELECT 1 FROM open_attempts WHERE in_flight")
    assert broadcast_id
