"""A durable's messages, on a real server: committed before they are acknowledged, none lost, none in the way."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from nats.aio.client import Client

from contracts import streams
from contracts.dead import MessageParked
from contracts.delivery import MessageErrored, MessageSent
from contracts.streams import DISPATCHER_COMMANDS, DISPATCHER_DELIVERIES, Durable
from dispatcher.broker import Publisher
from dispatcher.consumers import commands, deliveries
from dispatcher.consumers.batch import Intake, Refused
from dispatcher.pulse import Pulse
from support.bus import Bus
from support.dispatching import RULES, Bed, groups, report
from support.eventually import eventually

SUBJECT = "wa.delivery.message.sent"
TEXT = msgspec.json.Decoder(str).decode


@asynccontextmanager
async def consuming(
    client: Client, decode, handle, size: int = 100, durable: Durable = DISPATCHER_DELIVERIES
) -> AsyncIterator[Bus]:
    """Consume delivery reports, or what else a durable has, while the context lasts."""
    intake = Intake(durable, decode, handle, client, Publisher(client), size)
    stopping = asyncio.Event()
    running = asyncio.create_task(intake.run(stopping, Pulse()))
    try:
        yield Bus(client)
    finally:
        stopping.set()
        await asyncio.wait_for(running, 10)


async def left(bus: Bus) -> int:
    """How many messages the durable has not acknowledged."""
    found = await bus.jetstream.consumer_info(DISPATCHER_DELIVERIES.stream, DISPATCHER_DELIVERIES.name)
    return (found.num_pending or 0) + (found.num_ack_pending or 0)


async def until_done(bus: Bus, within_s: float = 15) -> None:
    async def done() -> bool:
        return await left(bus) == 0

    await eventually(done, within_s)


class Handler:
    """Takes note of what it is given; refuses or fails on what it is told to."""

    def __init__(self, refuse: str = "", fail: dict[str, int] | None = None) -> None:
        self.refuse = refuse
        self.failures = dict(fail or {})
        self.batches: list[list[str]] = []

    async def handle(self, batch: Sequence[str]) -> None:
        if self.refuse in batch:
            raise Refused("it can never be done")
        for text in batch:
            if self.failures.get(text, 0):
                self.failures[text] -= 1
                raise ValueError("it cannot be done")
        self.batches.append(list(batch))

    @property
    def handled(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


async def publish(bus: Bus, *texts: str) -> None:
    for text in texts:
        await bus.publish(SUBJECT, msgspec.json.encode(text))


async def test_what_waits_is_handled_in_order_and_in_batches_no_larger_than_asked_for(client: Client):
    texts = [f"{number}" for number in range(40)]
    await publish(Bus(client), *texts)
    handler = Handler()
    async with consuming(client, TEXT, handler.handle, size=16) as bus:
        await until_done(bus)
    assert handler.handled == texts
    assert max(len(batch) for batch in handler.batches) <= 16


async def test_an_unreadable_message_is_parked_whole_with_the_reason_and_the_rest_goes_on(client: Client):
    bus = Bus(client)
    await publish(bus, "first")
    await bus.publish(SUBJECT, b'"cut of')
    await publish(bus, "last")
    handler = Handler()
    async with consuming(client, TEXT, handler.handle):
        await until_done(bus)
    [dead] = await bus.dead()
    assert handler.handled == ["first", "last"]
    assert (dead.subject, dead.durable, b64decode(dead.body)) == (
        SUBJECT,
        "dispatcher-deliveries",
        b'"cut of',
    )
    assert "truncated" in dead.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b'"tenant":"Sch\xf6n"', "UTF-8"), (b'"x":' + b"[" * 100_000 + b"]" * 100_000, "deep")],
    ids=["latin-1", "nested too deep"],
)
async def test_a_command_that_no_decoder_gets_through_is_parked_and_the_rest_goes_on(
    client: Client, body: bytes, reason: str
):
    bus = Bus(client)
    subject = "wa.command.campaign.create"
    await bus.publish(subject, b'{"type":"campaign.create",' + body + b"}")
    await bus.publish(subject, b'"last"')
    handler = Handler()

    def decode(found: bytes) -> str:
        return "last" if found == b'"last"' else str(commands.decode(found))

    async with consuming(client, decode, handler.handle, durable=DISPATCHER_COMMANDS):
        await eventually(lambda: handler.handled == ["last"], 15)
        [dead] = await eventually(bus.dead, 15)
    assert (dead.subject, dead.kind) == (subject, "unreadable")
    assert reason in dead.reason


async def limit_dead(client: Client, **limits: int) -> None:
    """Change what DEAD takes."""
    config = (await client.jetstream().stream_info(streams.DEAD.name)).config
    await client.jetstream().update_stream(config.evolve(**limits))


async def test_what_cannot_be_parked_yet_holds_nothing_up_and_is_parked_later(client: Client):
    await limit_dead(client, max_bytes=1)
    bus = Bus(client)
    await publish(bus, "one")
    await bus.publish(SUBJECT, b"not json")
    await publish(bus, "two")
    handler = Handler()
    async with consuming(client, TEXT, handler.handle):
        await eventually(lambda: handler.handled == ["one", "two"], 15)
        assert await left(bus) == 1
        await limit_dead(client, max_bytes=streams.DEAD.max_bytes)
        await until_done(bus)
    [dead] = await bus.dead()
    assert b64decode(dead.body) == b"not json"


LARGE = 7 << 20
"""A message may have 8 MB: a body of that size does not fit into another one as base64."""


async def test_an_unreadable_report_that_no_message_can_hold_is_parked_by_its_place_and_stays_there(
    client: Client,
):
    bus = Bus(client)
    await bus.publish(SUBJECT, b"x" * LARGE)
    await publish(bus, "last")
    handler = Handler()
    async with consuming(client, TEXT, handler.handle):
        await until_done(bus)
    [dead] = await bus.dead()
    assert handler.handled == ["last"]
    assert (dead.id, dead.body, dead.kind) == ("DELIVERIES-1", "", "unreadable")
    assert "malformed" in dead.reason
    assert "message 1 of the NATS stream DELIVERIES" in dead.reason
    assert len((await bus.jetstream.get_msg("DELIVERIES", 1)).data) == LARGE


@pytest.mark.parametrize(
    ("decode", "reason"), [(msgspec.json.Decoder(int).decode, "Expected"), (TEXT, "it can never be done")]
)
async def test_a_command_that_no_message_can_hold_is_parked_once_and_stays_in_its_work_queue(
    client: Client, decode, reason: str
):
    large = "x" * LARGE
    bus = Bus(client)
    for text in (large, "1"):
        await bus.publish("wa.command.campaign.pause", msgspec.json.encode(text))
    handler = Handler(refuse=large)

    async def parked() -> list[MessageParked]:
        return [each for each in await bus.dead() if isinstance(each, MessageParked)]

    async with consuming(client, decode, handler.handle, 1, DISPATCHER_COMMANDS):
        await eventually(parked, 15)

        async def only_one_left() -> bool:
            return (await bus.jetstream.stream_info("COMMANDS")).state.messages == 1

        await eventually(only_one_left, 15)
    dead = (await parked())[0]
    assert (dead.id, dead.body) == ("COMMANDS-1", "")
    assert reason in dead.reason
    assert "message 1 of the NATS stream COMMANDS" in dead.reason
    assert msgspec.json.decode((await bus.jetstream.get_msg("COMMANDS", 1)).data) == large


async def test_a_refused_message_is_parked_and_the_others_of_its_batch_are_carried_out(client: Client):
    await publish(Bus(client), "a", "never", "b")
    handler = Handler(refuse="never")
    async with consuming(client, TEXT, handler.handle) as bus:
        await until_done(bus)
        [dead] = await bus.dead()
    assert sorted(handler.handled) == ["a", "b"]
    assert (dead.reason, b64decode(dead.body)) == ("it can never be done", b'"never"')


async def test_after_a_fault_the_batch_comes_again(client: Client):
    await publish(Bus(client), "a", "b")
    handler = Handler(fail={"a": 1})
    async with consuming(client, TEXT, handler.handle) as bus:
        await until_done(bus)
        assert await bus.dead() == []
    assert sorted(handler.handled) == ["a", "b"]


async def test_one_message_that_always_fails_does_not_hold_the_rest(client: Client):
    await publish(Bus(client), "a", "poison", "b")
    handler = Handler(fail={"poison": 1_000})
    async with consuming(client, TEXT, handler.handle) as bus:
        await eventually(lambda: sorted(handler.handled) == ["a", "b"], 15)
        assert await left(bus) == 1


async def test_nothing_is_acknowledged_before_the_commit(client: Client):
    await publish(Bus(client), "a")
    begun, may_commit = asyncio.Event(), asyncio.Event()

    async def handle(_: Sequence[str]) -> None:
        begun.set()
        await may_commit.wait()

    async with consuming(client, TEXT, handle) as bus:
        await asyncio.wait_for(begun.wait(), 10)
        assert await left(bus) == 1
        may_commit.set()
        await until_done(bus)


async def test_reports_of_the_vps_end_in_the_projections_and_repeats_change_nothing(bed: Bed, client: Client):
    jids = groups(50)
    campaign_id, attempts = await bed.begin(jids)
    told = [report(MessageSent, recipient=jid, message_id=attempts[jid].message_id) for jid in jids]
    error = report(
        MessageErrored, message_id=attempts[jids[0]].message_id, error_code=420, error_message="no"
    )
    bodies = [msgspec.json.encode(each) for each in (error, *told, *told, error)]
    for body in bodies:
        await Bus(client).publish(SUBJECT, body)
    handler = deliveries.Deliveries(bed.engine, RULES, bed.clock.now_ms)
    async with consuming(client, deliveries.decode, handler.handle, size=30) as bus:
        await until_done(bus)
    assert await bed.statuses(campaign_id) == ["failed", *["sent"] * 49]
    row = await bed.campaign(campaign_id)
    assert (row.campaign.status, row.tally.sent, row.tally.failed) == ("partial", 49, 1)
    [(repeats,)] = await bed.fetch(
        "SELECT count(*) - count(DISTINCT stream) FROM events WHERE type = 'recipient.sent'"
    )
    assert repeats == 0
