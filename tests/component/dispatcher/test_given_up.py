"""A message that was delivered `max_deliver` times in vain is parked whole, by whoever sees it first."""

from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from contracts import streams
from contracts.dead import MessageParked
from contracts.streams import Durable
from dispatcher import broker
from dispatcher.consumers import advisories
from dispatcher.consumers.advisories import Advisories
from dispatcher.consumers.batch import Intake
from support.bus import Bus
from support.eventually import eventually

ACK_WAIT_S = 0.2
TRIES = 2
BODY = b'{"tenant":"acme", "whatever": 1}'

CASES = [
    pytest.param(streams.DISPATCHER_COMMANDS, "wa.command.campaign.pause", 0, id="work queue"),
    pytest.param(streams.DISPATCHER_DELIVERIES, "wa.delivery.message.sent", 1, id="limits"),
]


async def shorten(client: Client, durable: Durable) -> Durable:
    """Let a durable give up soon."""
    short = msgspec.structs.replace(durable, max_deliver=TRIES)
    config = ConsumerConfig(
        durable_name=short.name,
        filter_subject=short.subject,
        ack_wait=ACK_WAIT_S,
        max_deliver=TRIES,
        max_ack_pending=short.max_ack_pending,
    )
    await client.jetstream().add_consumer(short.stream, config)
    return short


async def pulled(client: Client, durable: Durable, timeout_s: float = 5) -> list[Any]:
    puller = await client.jetstream().pull_subscribe_bind(durable.name, durable.stream)
    try:
        return await puller.fetch(1, timeout=timeout_s)
    except TimeoutError:
        return []
    finally:
        await puller.unsubscribe()


async def dead(client: Client) -> list[MessageParked]:
    bus = Bus(client)
    return [message for message in await bus.dead() if isinstance(message, MessageParked)]


async def in_stream(client: Client, name: str) -> int:
    return (await client.jetstream().stream_info(name)).state.messages


@pytest.mark.parametrize(("durable", "subject", "left"), CASES)
async def test_what_the_server_gave_up_is_parked_by_its_advisory_though_nobody_ran_then(
    client: Client, durable: Durable, subject: str, left: int
):
    short = await shorten(client, durable)
    await client.jetstream().publish(subject, BODY, headers={streams.REDRIVEN_FROM: "before"})
    for _ in range(TRIES):
        assert len(await pulled(client, short)) == 1

    async def told() -> bool:
        await pulled(client, short, 0.3)
        return await in_stream(client, streams.ADVISORIES.name) == 1

    await eventually(told)
    publisher = broker.Publisher(client)
    intake = Intake(
        streams.DISPATCHER_ADVISORIES,
        advisories.decode,
        Advisories(client.jetstream(), publisher).handle,
        client,
        publisher,
        1,
    )
    await intake.take(await pulled(client, streams.DISPATCHER_ADVISORIES))
    [parked] = await dead(client)
    assert (parked.id, parked.kind, parked.subject) == (f"{durable.stream}-1", "undelivered", subject)
    assert (parked.tenant, parked.causation) == ("acme", "before")
    assert msgspec.json.decode(f'"{parked.body}"', type=bytes) == BODY
    assert await in_stream(client, durable.stream) == left


@pytest.mark.parametrize(("durable", "subject", "_left"), CASES)
async def test_what_no_dead_message_can_hold_is_parked_by_its_place_and_stays_there(
    client: Client, durable: Durable, subject: str, _left: int
):
    await client.jetstream().publish(subject, b"x" * (7 << 20))
    given_up = Advisories(client.jetstream(), broker.Publisher(client))
    await given_up.handle([advisories.Advisory(durable.stream, durable.name, 1, 1000)])
    [parked] = await dead(client)
    assert (parked.id, parked.kind, parked.body) == (f"{durable.stream}-1", "undelivered", "")
    assert f"message 1 of the NATS stream {durable.stream}" in parked.reason
    assert await in_stream(client, durable.stream) == 1


async def test_an_advisory_about_what_is_gone_or_not_ours_is_let_be(client: Client):
    publisher = broker.Publisher(client)
    given_up = Advisories(client.jetstream(), publisher)
    await given_up.handle(
        [
            advisories.Advisory("COMMANDS", "dispatcher-commands", 99, 1000),
            advisories.Advisory("EVENTS", "somebody", 1, 5),
            advisories.Advisory("DEAD", "dispatcher-dead", 1, 1000),
        ]
    )
    assert await dead(client) == []


async def test_the_last_delivery_parks_what_fails_again_and_the_server_has_nothing_to_give_up(client: Client):
    short = await shorten(client, streams.DISPATCHER_DELIVERIES)

    async def fail(_: object) -> None:
        raise ValueError("it cannot be done")

    intake = Intake(short, bytes, fail, client, broker.Publisher(client), 1)
    await client.jetstream().publish("wa.delivery.message.sent", BODY)
    await intake.take(await pulled(client, short))
    assert await dead(client) == []
    await intake.take(await pulled(client, short))
    [parked] = await dead(client)
    assert (parked.id, parked.kind) == ("DELIVERIES-1", "undelivered")
    info = await client.jetstream().consumer_info(short.stream, short.name)
    assert info.num_ack_pending == 0
