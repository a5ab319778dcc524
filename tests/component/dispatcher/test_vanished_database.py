"""PostgreSQL's machine vanished in the middle of a connection: nobody says so, and all goes on over a new one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.broker import Outgoing
from dispatcher.notifications import Line, listen
from dispatcher.relay import Relay
from dispatcher.sending.flight import Clock, Pace
from dispatcher.sending.sender import Sender
from dispatcher.store.postgres import WORK, connect
from dispatcher.supervision import Health, Loop, end, supervise
from local_stack.fault.proxy import Proxy
from local_stack.ports import ports_of
from support.dispatching import RULES, Bed, groups
from support.eventually import eventually
from support.sending import Recorder

TIMEOUT_SECONDS = 1.0
LEAD_SECONDS = 1.0
WITHIN_S = 45


class Far(Bed):
    """A database behind a proxy, beside the direct way to it."""

    def __init__(self, direct: AsyncEngine, proxy: Proxy, url: str) -> None:
        super().__init__(direct)
        self.proxy = proxy
        self.url = url

    @asynccontextmanager
    async def connected(self, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[AsyncEngine]:
        """Give an engine that connects through the proxy."""
        engine = connect(self.url, timeout_seconds=timeout_seconds, stall_seconds=LEAD_SECONDS)
        try:
            yield engine
        finally:
            self.proxy.cut()
            await engine.dispose()


@pytest_asyncio.fixture
async def far(bed: Bed, migrated_url: str) -> AsyncIterator[Far]:
    url = make_url(migrated_url)
    assert url.port
    proxy = Proxy(ports_of(os.environ).next_port(), url.port)
    await proxy.start()
    through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    yield Far(bed.engine, proxy, through)
    await proxy.stop()


@asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[Health]:
    """Run a loop under supervision while the context lasts."""
    health = Health()
    task = asyncio.create_task(supervise("it", loop, asyncio.Event(), health))
    try:
        yield health
    finally:
        await end([task])


async def until_stranded(far: Far, health: Health, has_begun: Callable[[], bool]) -> None:
    """Strand the connections while the loop rests: in the middle of a statement the server would wait for the rest."""

    def stranded() -> bool:
        rests = has_begun() and health.pulse("it").busy_since is None
        if rests:
            far.proxy.strand()
        return rests

    await eventually(stranded, WITHIN_S)


class Recorded:
    """Publishes nothing, and takes note of it."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def takes(self, _: Outgoing) -> bool:
        return True

    async def publish(self, messages: list[Outgoing]) -> None:
        self.ids += [message.id for message in messages]


async def test_a_statement_on_a_line_that_went_dead_is_given_up_and_the_next_has_a_new_one(far: Far):
    async with far.connected() as engine:
        async with engine.connect() as one, engine.connect() as other:
            await one.execute(text("SELECT 1"))
            await other.execute(text("SELECT 1"))
        far.proxy.strand()
        async with engine.connect() as connection:
            with pytest.raises(TimeoutError):
                await connection.execute(text("SELECT 1"))
            assert connection.invalidated
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 2"))).scalar_one() == 2


async def test_the_relay_goes_on_over_a_new_connection(far: Far):
    recorded = Recorded()

    async with far.connected() as engine:
        relay = Relay(engine, recorded, 0.05, LEAD_SECONDS)  # type: ignore[arg-type]
        async with running(relay.run) as health:
            await far.create(groups(1), "wa_1")
            await until_stranded(far, health, lambda: recorded.ids != [])
            seen = len(recorded.ids)
            await far.create(groups(1), "wa_2")
            await eventually(lambda: len(recorded.ids) > seen, WITHIN_S)


async def test_the_sender_goes_on_over_a_new_connection(far: Far):
    caller = Recorder()
    first, second = groups(2)
    async with far.connected() as engine:
        loop = asyncio.get_running_loop()
        clock = Clock(far.clock.now_ms, loop.time)
        pace = Pace(0.01, lease_seconds=LEAD_SECONDS, sweep_seconds=0.2)
        sender = Sender(engine, RULES, caller, pace, clock, far.ids, "one")
        async with running(sender.run) as health:
            await far.create([first], "wa_1")
            await until_stranded(far, health, lambda: caller.called == [first] and not sender._landed)
            await far.create([second], "wa_2")
            await eventually(lambda: caller.called == [first, second], WITHIN_S)


async def test_who_listens_for_notifications_finds_out_that_nobody_is_there(far: Far):
    heard: list[str] = []
    line = Line(far.url, look_seconds=0.2, timeout_seconds=TIMEOUT_SECONDS)
    async with running(lambda stop, pulse: listen(line, {WORK: heard.append}, stop, pulse)) as health:
        await until_stranded(far, health, lambda: heard != [])
        before = len(heard)
        await eventually(lambda: len(heard) > before, WITHIN_S)
        await far.create(groups(1), "wa_new")
        await eventually(lambda: "wa_new" in heard, WITHIN_S)


async def test_a_loop_whose_line_went_dead_is_seen_to_hang_where_no_statement_has_a_limit(far: Far):
    async with far.connected(timeout_seconds=0) as engine:
        recorded = Recorded()
        relay = Relay(engine, recorded, 0.05, 60)  # type: ignore[arg-type]

        def hangs() -> bool:
            return health.hanging(asyncio.get_running_loop().time(), 1) == ["it"]

        async with running(relay.run) as health:
            await far.create(groups(1), "wa_1")
            await until_stranded(far, health, lambda: recorded.ids != [])
            await eventually(hangs, WITHIN_S)
