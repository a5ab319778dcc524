"""What the broker hands out reaches the dispatcher at once, whatever happens to the connection."""

import asyncio

import msgspec
import nats

from contracts.streams import DELIVERIES, DISPATCHER_DELIVERIES
from dispatcher import broker
from dispatcher.consumers.batch import Intake
from dispatcher.pulse import Pulse
from support.eventually import eventually

MESSAGES = 1000
SECONDS = 10
"""Less than the 30 s after which the broker gives out again what was not acknowledged."""


class Basket:
    """Takes an intake's messages and remembers them."""

    def __init__(self, client):
        self.taken = []
        self.batches = []
        self.stopping = asyncio.Event()
        publisher = broker.Publisher(client)
        self.intake = Intake(DISPATCHER_DELIVERIES, msgspec.json.decode, self.handle, client, publisher, 100)
        self.running = asyncio.create_task(self.intake.run(self.stopping, Pulse()))

    async def handle(self, batch):
        self.taken += batch
        self.batches.append(len(batch))

    async def stop(self):
        self.stopping.set()
        await self.running


class OneBatch(Basket):
    """Is told to stop while it handles its first batch, and more has arrived."""

    def __init__(self, client):
        self.client = client
        super().__init__(client)

    async def handle(self, batch):
        await super().handle(batch)
        await self.client.flush()
        self.stopping.set()


async def connected(url):
    client = await broker.connect(url)
    await broker.set_up(client.jetstream())
    return client


async def publish(client, numbers):
    for number in numbers:
        await client.jetstream().publish("wa.delivery.message.sent", msgspec.json.encode(number))


async def test_messages_that_come_one_by_one_are_all_taken_at_their_first_delivery_and_in_order(start_nats):
    client = await connected(start_nats().url)
    basket = Basket(client)
    await publish(client, range(MESSAGES))
    await eventually(lambda: len(basket.taken) == MESSAGES, SECONDS)
    await basket.stop()
    assert basket.taken == list(range(MESSAGES))

    async def acknowledged() -> bool:
        state = await client.jetstream().consumer_info(DELIVERIES.name, DISPATCHER_DELIVERIES.name)
        assert state.num_redelivered == 0
        return state.num_ack_pending == 0

    await eventually(acknowledged, SECONDS)
    await client.close()


async def test_a_backlog_is_taken_in_batches_of_the_size_asked_for(start_nats):
    client = await connected(start_nats().url)
    await publish(client, range(MESSAGES))
    basket = Basket(client)
    await eventually(lambda: len(basket.taken) == MESSAGES, SECONDS)
    await basket.stop()
    assert max(basket.batches) <= 100
    await client.close()


async def test_consumption_goes_on_after_the_server_was_killed_and_started_again(start_nats):
    server = start_nats()
    client = await connected(server.url)
    basket = Basket(client)
    await publish(client, range(10))
    await eventually(lambda: len(basket.taken) == 10, SECONDS)
    server.kill()
    server.start()
    other = await nats.connect(server.url)
    await publish(other, range(10, 20))
    await eventually(lambda: set(basket.taken) == set(range(20)), 2 * SECONDS)
    await basket.stop()
    await other.close()
    await client.close()


async def test_after_a_restart_of_the_server_it_asks_anew_before_the_old_request_would_count_as_lost(
    start_nats, monkeypatch
):
    monkeypatch.setattr("dispatcher.consumers.pull.SILENT_SECONDS", 4 * SECONDS)
    server = start_nats()
    client = await connected(server.url)
    basket = Basket(client)
    await publish(client, [1])
    await eventually(lambda: basket.taken == [1], SECONDS)
    server.kill()
    server.start()
    await eventually(lambda: client.stats["reconnects"] == 1, SECONDS)
    other = await nats.connect(server.url)
    await publish(other, [2])
    await eventually(lambda: 2 in basket.taken, SECONDS)
    await basket.stop()
    await other.close()
    await client.close()


async def test_what_had_arrived_and_was_not_taken_at_the_stop_is_handed_back_at_once(start_nats):
    client = await connected(start_nats().url)
    await publish(client, range(MESSAGES))
    first = OneBatch(client)
    await first.running
    assert len(first.taken) < MESSAGES
    second = Basket(client)
    await eventually(lambda: {*first.taken, *second.taken} == set(range(MESSAGES)), SECONDS)
    await second.stop()
    await client.close()
