"""Group commit against a real nats-server: atomic batches, and the way out when the server refuses one."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import pytest_asyncio

from contracts.streams import DELIVERIES
from local_stack.nats_server import NatsServer
from support.gateway import change_stream, make_stream, stored
from webhook_gateway.batches import Batches, Outgoing, Taken
from webhook_gateway.broker import Broker
from webhook_gateway.publisher import Publisher
from webhook_gateway.recent import Recent

SECONDS = 10.0
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@pytest_asyncio.fixture
async def server(start_nats: Callable[[], NatsServer]) -> NatsServer:
    return start_nats()


@pytest_asyncio.fixture
async def batches(server: NatsServer) -> AsyncIterator[Batches]:
    broker = Broker(server.url)
    keeper = asyncio.create_task(broker.run())
    yield Batches(broker, SECONDS / 3, new_batch_id=lambda: uuid.uuid4().hex)
    keeper.cancel()
    await broker.close()


def messages(*names: str) -> list[Outgoing]:
    return [Outgoing(f"id-{name}", "wa.delivery.message.sent", name.encode()) for name in names]


def deadline() -> float:
    return asyncio.get_running_loop().time() + SECONDS


async def test_a_group_is_one_atomic_batch_in_order(server, batches):
    await make_stream(server.url, DELIVERIES)
    names = [str(number) for number in range(256)]
    assert await batches.store(messages(*names), deadline()) == ["accepted"] * 256
    assert (batches.stored, batches.refused) == (1, 0)
    assert await stored(server.url, DELIVERIES) == [name.encode() for name in names]


async def test_one_id_that_the_stream_has_refuses_the_batch_and_all_go_one_by_one(server, batches):
    await make_stream(server.url, DELIVERIES)
    assert await batches.store(messages("b"), deadline()) == ["accepted"]
    outcomes = await batches.store(messages(*ALPHABET), deadline())
    assert outcomes == ["accepted", "duplicate"] + ["accepted"] * 24
    assert (batches.stored, batches.refused) == (0, 1)
    assert sorted(await stored(server.url, DELIVERIES)) == [letter.encode() for letter in ALPHABET]


async def test_the_same_id_twice_in_one_group_fails_none_of_its_neighbours(server, batches):
    await make_stream(server.url, DELIVERIES)
    outcomes = await batches.store(messages(*ALPHABET, "a"), deadline())
    assert sorted(outcomes) == ["accepted"] * 26 + ["duplicate"]
    assert sorted(await stored(server.url, DELIVERIES)) == [letter.encode() for letter in ALPHABET]


async def test_what_is_offered_in_order_is_stored_in_order_though_the_stream_has_some_of_it(server, batches):
    await make_stream(server.url, DELIVERIES)
    assert await batches.offer(messages("f", "b")) == ["accepted", "accepted"]
    assert await batches.offer_in_order(messages(*ALPHABET, "a")) == Taken(27)
    rest = [letter for letter in ALPHABET if letter not in "fb"]
    assert [body.decode() for body in await stored(server.url, DELIVERIES)] == ["f", "b", *rest]


async def test_a_message_over_the_size_of_the_stream_is_refused_for_good_and_its_neighbours_are_not(
    server, batches
):
    await make_stream(server.url, DELIVERIES)
    await change_stream(server.url, DELIVERIES, max_msg_size=1000)
    large = Outgoing("large", "wa.delivery.message.sent", b"x" * 1000)
    group = messages(*ALPHABET)
    taken = await batches.offer_in_order([*group[:20], large, *group[20:]])
    assert taken == Taken(20, "message size exceeds maximum allowed")
    assert await batches.offer_in_order(group[20:]) == Taken(6)
    assert await stored(server.url, DELIVERIES) == [letter.encode() for letter in ALPHABET]


@pytest.mark.parametrize("spare", [-10, 100])
async def test_a_message_over_the_size_of_the_server_is_refused_for_good_and_costs_no_connection(
    server, batches, spare
):
    await make_stream(server.url, DELIVERIES)
    large = Outgoing("large", "wa.delivery.message.sent", b"x" * ((8 << 20) - spare))
    group = messages(*ALPHABET)
    await batches.until_connected()
    assert await batches.offer([large]) == [None]
    assert await batches.offer_in_order([*group, large]) == Taken(26, "larger than the server's max_payload")
    assert await stored(server.url, DELIVERIES) == [letter.encode() for letter in ALPHABET]


async def test_a_full_stream_refuses_nothing_for_good(server, batches):
    await make_stream(server.url, msgspec.structs.replace(DELIVERIES, max_bytes=10))
    await batches.until_connected()
    assert await batches.offer_in_order(messages("a")) == Taken(0)
    assert await batches.offer_in_order(messages(*ALPHABET)) == Taken(0)


async def test_a_sealed_stream_refuses_nothing_for_good(server, batches):
    await make_stream(server.url, DELIVERIES)
    await change_stream(server.url, DELIVERIES, sealed=True)
    await batches.until_connected()
    assert await batches.offer_in_order(messages("a")) == Taken(0)
    assert await batches.offer_in_order(messages(*ALPHABET)) == Taken(0)


async def test_what_is_offered_to_no_stream_is_not_acknowledged(batches):
    await batches.until_connected()
    assert await batches.offer(messages("a", "b")) == [None, None]
    assert await batches.offer(messages(*ALPHABET)) == [None] * 26
    assert await batches.offer_in_order(messages("a", "b")) == Taken(0)
    assert await batches.offer_in_order(messages(*ALPHABET)) == Taken(0)


async def test_a_small_group_goes_one_by_one(server, batches):
    await make_stream(server.url, DELIVERIES)
    assert await batches.store(messages("a", "b", "c"), deadline()) == ["accepted"] * 3
    assert (batches.stored, batches.refused) == (0, 0)
    assert await stored(server.url, DELIVERIES) == [b"a", b"b", b"c"]


async def test_a_stream_that_takes_no_batches_gets_the_messages_one_by_one(server, batches):
    await make_stream(server.url, msgspec.structs.replace(DELIVERIES, atomic_batches=False))
    assert await batches.store(messages(*ALPHABET), deadline()) == ["accepted"] * 26
    assert batches.refused == 1
    assert sorted(await stored(server.url, DELIVERIES)) == [letter.encode() for letter in ALPHABET]


async def test_a_group_that_the_stream_refuses_for_good_is_not_stored(server, batches):
    await make_stream(server.url, msgspec.structs.replace(DELIVERIES, max_bytes=10))
    assert await batches.store(messages(*ALPHABET), deadline()) == [None] * 26


async def test_many_requests_at_once_share_a_few_batches_and_each_is_stored_once(server, batches):
    await make_stream(server.url, DELIVERIES)
    now = asyncio.get_running_loop().time
    publisher = Publisher(batches.store, seconds=SECONDS, max_group=100, recent=Recent(SECONDS), now=now)
    names = [str(number % 500) for number in range(1000)]
    outcomes = await asyncio.gather(*(publisher.publish(message) for message in messages(*names)))
    assert sorted(outcomes) == ["accepted"] * 500 + ["duplicate"] * 500
    assert len(await stored(server.url, DELIVERIES)) == 500
    assert 0 < batches.stored <= 10
