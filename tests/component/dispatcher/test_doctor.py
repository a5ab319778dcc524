"""What the doctor sees on real servers: missing schemas, NATS that would lose messages, clocks that are off."""

import time
from collections.abc import Callable

import aiohttp
import nats
import pytest
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from dispatcher.broker import set_up
from dispatcher.composition.durability import NOT_FLUSHED, Durability
from dispatcher.doctor import broker, database
from dispatcher.doctor.examination import examine
from dispatcher.doctor.finding import Finding, State
from dispatcher.settings import Settings
from dispatcher.store.migrate import migrate
from dispatcher.store.postgres import connect
from local_stack import nats_server
from local_stack.nats_server import NatsServer
from support.eventually import eventually

HOUR_MS = 3_600_000


def now_ms() -> int:
    """The time of this machine, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def seen(findings: list[Finding], state: State) -> dict[str, str]:
    """What was found in this state, by part."""
    return {finding.part: finding.seen for finding in findings if finding.state is state}


async def test_a_database_without_our_schema_is_wrong_and_with_it_is_well(database_url: str) -> None:
    settings = Settings(database_url=database_url)
    found = await database.examine(settings, now_ms)
    assert list(seen(found, State.WRONG)) == ["migrations"]
    engine = connect(database_url)
    await migrate(engine)
    await engine.dispose()
    found = await database.examine(settings, now_ms)
    assert seen(found, State.WRONG) == {}
    assert seen(found, State.OK)["relay"] == "0 events wait to be published"


async def test_a_clock_that_is_off_is_wrong(database_url: str) -> None:
    found = await database.examine(Settings(database_url=database_url), lambda: now_ms() + HOUR_MS)
    assert seen(found, State.WRONG)["database"].startswith("its clock is 36")
    assert seen(found, State.WRONG)["database"].endswith("s behind ours")


async def on_nats(server: NatsServer) -> list[Finding]:
    """What is found at a NATS server."""
    settings = Settings(database_url="", nats_url=server.url, nats_monitor_url=server.monitor_url)
    async with aiohttp.ClientSession() as http:
        return await broker.examine(settings, http)


async def test_nats_is_well_once_its_streams_are_made(start_nats: Callable[[], NatsServer]) -> None:
    server = start_nats()
    before = await on_nats(server)
    assert "nats COMMANDS" in seen(before, State.WARNING)
    assert seen(before, State.WRONG) == {}
    client = await nats.connect(server.url)
    await set_up(client.jetstream())
    await client.close()
    found = await on_nats(server)
    assert {finding.state for finding in found} == {State.OK}
    assert "nats dispatcher-deliveries" in seen(found, State.OK)


async def test_streams_that_would_lose_messages_are_wrong(start_nats: Callable[[], NatsServer]) -> None:
    server = start_nats()
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    kept_in_memory = StreamConfig(
        name="EVENTS", subjects=["wa.event.>"], storage=StorageType.MEMORY, discard=DiscardPolicy.NEW
    )
    await jetstream.add_stream(kept_in_memory)
    await jetstream.add_stream(StreamConfig(name="DEAD", subjects=["wa.other"], discard=DiscardPolicy.OLD))
    await client.close()
    found = seen(await on_nats(server), State.WRONG)
    assert found == {
        "nats EVENTS": "it is kept in memory",
        "nats DEAD": "it throws old messages away when it is full, it does not hold wa.dead.>",
    }


async def test_a_nats_server_that_acknowledges_before_it_flushes_is_wrong(
    monkeypatch: pytest.MonkeyPatch, start_nats: Callable[[], NatsServer]
) -> None:
    server = start_nats()
    lax = nats_server.CONFIG.replace("sync_interval: always", "sync_interval: 2m")
    server.stop()
    monkeypatch.setattr(nats_server, "CONFIG", lax)
    server.launch()
    await eventually(server.is_ready)
    found = await on_nats(server)
    assert seen(found, State.WRONG) == {"nats": "acknowledges before it flushes"}
    assert await Durability(server.monitor_url).check() == NOT_FLUSHED


async def test_readiness_asks_a_broker_seldom_and_one_that_does_not_tell_fails_nothing(
    start_nats: Callable[[], NatsServer],
) -> None:
    server = start_nats()
    durability = Durability(server.monitor_url)
    assert await durability.check() is None
    server.stop()
    assert await durability.check() is None
    assert await Durability(server.monitor_url).check() is None
    assert await Durability("").check() is None


async def test_without_settings_there_is_nothing_to_examine() -> None:
    found = await examine({}, now_ms)
    assert [(finding.part, finding.seen) for finding in found] == [("settings", "DATABASE_URL is not set")]
