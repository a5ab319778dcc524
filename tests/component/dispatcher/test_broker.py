"""The NATS streams are made true, or the dispatcher refuses to start."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from contracts import streams
from dispatcher import broker
from local_stack.nats_server import SPARE_BYTES, NatsServer
from support.servers import delete_streams


@pytest_asyncio.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    """A connection to a server that has none of our streams."""
    await delete_streams(nats_url)
    client = await broker.connect(nats_url)
    yield client
    await client.close()


async def states(jetstream: JetStreamContext) -> list[object]:
    """What the server holds of every stream and durable of the contract, as far as we decide it."""
    held: list[object] = []
    for stream in streams.STREAMS:
        config = (await jetstream.stream_info(stream.name)).config
        held.append(
            (config.name, config.subjects, config.storage, config.retention, config.max_bytes, config.max_age)
        )
    for durable in streams.DURABLES:
        consumer = (await jetstream.consumer_info(durable.stream, durable.name)).config
        held.append((consumer.durable_name, consumer.filter_subject, consumer.ack_wait, consumer.max_deliver))
    return held


async def test_set_up_makes_what_is_missing_and_repeats_without_a_change(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    jetstream = client.jetstream()
    await broker.set_up(jetstream)
    first = await states(jetstream)
    monkeypatch.setattr(jetstream, "update_stream", None)  # what needs no change is not written again
    await broker.set_up(jetstream)
    assert await states(jetstream) == first
    assert len(first) == len(streams.STREAMS) + len(streams.DURABLES)


async def test_set_up_brings_limits_up_to_date_and_keeps_what_lies_in_the_stream(client: Client):
    jetstream = client.jetstream()
    old = StreamConfig(name="EVENTS", subjects=["wa.event.>"], storage=StorageType.FILE, max_bytes=1_000_000)
    await jetstream.add_stream(old)
    await jetstream.publish("wa.event.x", b"kept")
    await broker.set_up(jetstream)
    found = await jetstream.stream_info("EVENTS")
    assert (found.config.max_bytes, found.state.messages) == (streams.EVENTS.max_bytes, 1)
    assert found.config.allow_atomic


async def test_set_up_leaves_what_is_the_operators(client: Client):
    jetstream = client.jetstream()
    await broker.set_up(jetstream)
    config = (await jetstream.stream_info("EVENTS")).config
    await jetstream.update_stream(config.evolve(max_msg_size=70_000, description="ours", max_bytes=1_000_000))
    await broker.set_up(jetstream)
    found = (await jetstream.stream_info("EVENTS")).config
    assert (found.max_msg_size, found.description) == (70_000, "ours")
    assert found.max_bytes == streams.EVENTS.max_bytes


async def test_a_durable_has_caught_up_when_few_messages_wait_and_not_when_nobody_tells(client: Client):
    jetstream, durable = client.jetstream(), streams.DISPATCHER_DELIVERIES
    assert not await broker.is_caught_up(jetstream, durable, 1)
    await broker.set_up(jetstream)
    for number in range(2):
        await jetstream.publish("wa.delivery.x", b"%d" % number)
    assert await broker.is_caught_up(jetstream, durable, 2)
    assert not await broker.is_caught_up(jetstream, durable, 1)


async def test_set_up_refuses_a_stream_that_is_kept_in_memory(client: Client):
    jetstream = client.jetstream()
    await jetstream.add_stream(
        StreamConfig(name="DELIVERIES", subjects=["wa.delivery.>"], storage=StorageType.MEMORY)
    )
    with pytest.raises(broker.Unsafe, match=r"DELIVERIES.*memory"):
        await broker.set_up(jetstream)


async def test_set_up_refuses_a_stream_with_another_retention(client: Client):
    jetstream = client.jetstream()
    wrong = StreamConfig(
        name="COMMANDS",
        subjects=["wa.command.>"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.INTEREST,
    )
    await jetstream.add_stream(wrong)
    with pytest.raises(broker.Unsafe, match=r"COMMANDS.*retention"):
        await broker.set_up(jetstream)


async def test_a_full_stream_refuses_new_messages_and_throws_none_away(client: Client):
    await broker.set_up(client.jetstream())
    for stream in streams.STREAMS:
        answer = await client.request(f"$JS.API.STREAM.INFO.{stream.name}")
        assert msgspec.json.decode(answer.data)["config"]["discard"] == "new"


async def test_replicas_that_start_together_set_up_the_same(start_nats: Callable[[], NatsServer]):
    server = start_nats()
    clients = [await broker.connect(server.url) for _ in range(4)]
    await asyncio.gather(*(broker.set_up(client.jetstream()) for client in clients))
    assert len(await states(clients[0].jetstream())) == len(streams.STREAMS) + len(streams.DURABLES)
    for client in clients:
        await client.close()


async def test_a_server_without_room_for_a_stream_is_told_so(
    start_nats: Callable[[], NatsServer], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(broker, "PAUSE_SECONDS", 0)
    client = await broker.connect(start_nats().url)
    hog = StreamConfig(name="HOG", subjects=["hog"], storage=StorageType.FILE, max_bytes=SPARE_BYTES * 3)
    await client.jetstream().add_stream(hog)
    with pytest.raises(broker.NoRoom, match=r"for the NATS stream [A-Z]+ \(\d+ MiB\): raise max_file"):
        await broker.set_up(client.jetstream())
    await client.close()
