"""The database is away for a while: messages are kept meanwhile, applied at once when it is back, and never parked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
from nats.aio.client import Client

from contracts.delivery import MessageSent, Report
from contracts.streams import DISPATCHER_DELIVERIES, Durable
from dispatcher.broker import Publisher
from dispatcher.consumers import deliveries
from dispatcher.consumers.batch import Intake
from dispatcher.pulse import Pulse
from dispatcher.store.migrate import migrate
from dispatcher.store.postgres import connect
from local_stack.postgres_server import PostgresServer
from support.bus import Bus
from support.dispatching import RULES, Bed, groups, report
from support.eventually import eventually

SUBJECT = "wa.delivery.message.sent"
TRIES = 6
"""So often in vain, which takes about three seconds: with pauses that double it would take seven."""
WITHIN_S = 15
"""With pauses that double the next try would come after eight."""


class Away:
    """A handler whose database is away until it is told otherwise."""

    def __init__(self) -> None:
        self.tries = 0
        self.back = False
        self.handled: list[str] = []

    async def handle(self, batch: Sequence[str]) -> None:
        self.tries += 1
        if not self.back:
            raise ConnectionRefusedError
        self.handled += batch


@asynccontextmanager
async def consuming(intake: Intake[str]) -> AsyncIterator[None]:
    """Consume while the context lasts."""
    stopping = asyncio.Event()
    running = asyncio.create_task(intake.run(stopping, Pulse()))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(running, 10)


def intake_of(client: Client, away: Away, durable: Durable = DISPATCHER_DELIVERIES) -> Intake[str]:
    return Intake(durable, msgspec.json.Decoder(str).decode, away.handle, client, Publisher(client), 100)


async def delivered(client: Client) -> int:
    """How many times the server has delivered anything."""
    durable = DISPATCHER_DELIVERIES
    sequences = (await client.jetstream().consumer_info(durable.stream, durable.name)).delivered
    return sequences.consumer_seq if sequences else 0


async def test_reports_that_come_while_postgres_is_down_are_applied_as_soon_as_it_is_back(
    client: Client, start_postgres: Callable[[], PostgresServer]
):
    server = start_postgres()
    engine = connect(server.url)
    await migrate(engine)
    bed = Bed(engine)
    jids = groups(20)
    campaign_id, attempts = await bed.begin(jids)
    real, tries = deliveries.Deliveries(engine, RULES, bed.clock.now_ms), 0

    async def handle(batch: Sequence[Report]) -> None:
        nonlocal tries
        tries += 1
        await real.handle(batch)

    async def sent() -> bool:
        return set(await bed.statuses(campaign_id)) == {"sent"}

    server.kill()
    publisher = Publisher(client)
    intake = Intake(DISPATCHER_DELIVERIES, deliveries.decode, handle, client, publisher, 100)
    async with consuming(intake):  # type: ignore[arg-type]
        for jid in jids:
            told = report(MessageSent, recipient=jid, message_id=attempts[jid].message_id)
            await Bus(client).publish(SUBJECT, msgspec.json.encode(told))
        await eventually(lambda: tries >= TRIES, 20)
        server.start()
        await eventually(sent, WITHIN_S)
        assert await delivered(client) == len(jids)
    await engine.dispose()


async def test_an_outage_does_not_use_deliveries_up_and_parks_nothing_at_the_last_one(client: Client):
    last = msgspec.structs.replace(DISPATCHER_DELIVERIES, max_deliver=1)
    away = Away()
    await Bus(client).publish(SUBJECT, b'"a"')
    async with consuming(intake_of(client, away, last)):
        await eventually(lambda: away.tries > 1, 10)
        away.back = True
        await eventually(lambda: away.handled == ["a"], 10)
    assert await Bus(client).dead() == []


async def test_what_is_kept_in_an_outage_is_handed_back_when_the_process_stops(client: Client):
    first, second = Away(), Away()
    second.back = True
    await Bus(client).publish(SUBJECT, b'"a"')
    async with consuming(intake_of(client, first)):
        await eventually(lambda: first.tries > 1, 10)
    async with consuming(intake_of(client, second)):
        await eventually(lambda: second.handled == ["a"], 10)
    assert await delivered(client) == 2


async def test_an_outage_that_outlasts_the_servers_patience_hands_messages_back_to_come_again_soon(
    client: Client,
):
    impatient = msgspec.structs.replace(DISPATCHER_DELIVERIES, ack_wait_seconds=0)
    away = Away()
    await Bus(client).publish(SUBJECT, b'"a"')
    async with consuming(intake_of(client, away, impatient)):
        await eventually(lambda: away.tries >= TRIES, 25)
        away.back = True
        await eventually(lambda: away.handled == ["a"], WITHIN_S)
    assert await Bus(client).dead() == []
