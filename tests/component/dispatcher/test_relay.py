"""The relay: every event is published once, in order, whatever breaks off in the middle."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy.exc import DBAPIError

from contracts.events import Event
from dispatcher import broker
from dispatcher import relay as relay_module
from dispatcher.broker import Outgoing, Publisher
from dispatcher.publishing import publishable
from dispatcher.pulse import Pulse
from dispatcher.relay import RELAY_LOCK, Relay
from dispatcher.store.postgres import Stored
from support.bus import Bus
from support.dispatching import Bed, groups
from support.eventually import eventually

SWEEP_SECONDS = 0.05
LEAD_SECONDS = 30.0
SHORT_LEAD_SECONDS = 0.5
LONG = 1_100
"""Recipients of a campaign whose events do not fit into two batches."""


@pytest_asyncio.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await broker.connect(nats_url)
    await broker.set_up(client.jetstream())
    yield client
    await client.close()


class Takes:
    """Takes any message."""

    def takes(self, _: Outgoing) -> bool:
        return True


class Recorded(Takes):
    """Publishes nothing, and takes note of it."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.ids += [message.id for message in messages]


class BreaksOff(Takes):
    """Publishes so many batches, and then breaks off before their acknowledgement is known."""

    def __init__(self, publisher: Publisher, batches: int) -> None:
        self._publisher = publisher
        self._left = batches

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        await self._publisher.publish(messages)
        self._left -= 1
        if self._left == 0:
            raise ConnectionError("the connection broke")


class Frozen(Takes):
    """Stands still before it publishes its second batch, until it is woken."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._batches = 0
        self.stands, self.woken = asyncio.Event(), asyncio.Event()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self._batches += 1
        if self._batches == 2:
            self.stands.set()
            await self.woken.wait()
        await self._publisher.publish(messages)


@asynccontextmanager
async def relaying(bed: Bed, publisher: object, lead_seconds: float = LEAD_SECONDS) -> AsyncIterator[Relay]:
    """Relay while the context lasts."""
    relay, stopping = Relay(bed.engine, publisher, SWEEP_SECONDS, lead_seconds), asyncio.Event()  # type: ignore[arg-type]
    running = asyncio.create_task(relay.run(stopping, Pulse()))
    try:
        yield relay
    finally:
        stopping.set()
        relay.wake()
        await asyncio.wait_for(running, 10)


async def until_relayed(bed: Bed) -> None:
    async def relayed() -> bool:
        [row] = await bed.fetch(
            "SELECT (SELECT max(global_position) FROM events), (SELECT position FROM relay_checkpoint)"
        )
        assert row[0] == row[1], row
        return True

    await eventually(relayed, 20)


async def until_somebody_led_for(bed: Bed, seconds: float) -> None:
    """Wait until the connection that has the lead is so old."""

    async def led() -> bool:
        [row] = await bed.fetch(
            "SELECT extract(epoch FROM clock_timestamp() - a.backend_start)::float"
            " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.objid = :key AND l.granted AND a.datname = current_database()",
            key=RELAY_LOCK,
        )
        assert row[0] > seconds, row
        return True

    await eventually(led, 20)


async def stored_ids(bed: Bed) -> list[str]:
    """All events, in their order."""
    return [row[0] for row in await bed.fetch("SELECT id::text FROM events ORDER BY global_position")]


async def campaign_ids(bed: Bed) -> list[str]:
    """All events of campaigns and recipients, in their order."""
    ours = "stream LIKE 'campaign-%' OR stream LIKE 'recipient-%'"
    return [
        row[0]
        for row in await bed.fetch(f"SELECT id::text FROM events WHERE {ours} ORDER BY global_position")
    ]


async def published_ids(client: Client, campaign_id: object) -> list[str]:
    return [event.id for event in await Bus(client).events(str(campaign_id))]


async def test_every_event_is_published_in_the_order_of_the_store(bed: Bed, client: Client):
    jids = groups(LONG)
    campaign_id = await bed.create(jids)
    async with relaying(bed, Publisher(client)) as relay:
        await bed.start(campaign_id, jids[:100])
        relay.wake()
        await until_relayed(bed)
    assert await published_ids(client, campaign_id) == await campaign_ids(bed)


@pytest.mark.parametrize("batches", [1, 2, 3])
async def test_a_relay_that_broke_off_before_its_checkpoint_goes_on_without_repeating(
    bed: Bed, client: Client, batches: int
):
    campaign_id = await bed.create(groups(LONG))
    broken = Relay(bed.engine, BreaksOff(Publisher(client), batches), SWEEP_SECONDS, LEAD_SECONDS)  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        await broken.run(asyncio.Event(), Pulse())
    async with relaying(bed, Publisher(client)):
        await until_relayed(bed)
    assert await published_ids(client, campaign_id) == await campaign_ids(bed)


class TakesAllBut(Recorded):
    """Publishes nothing, and finds one message too large."""

    def __init__(self, too_large: str) -> None:
        super().__init__()
        self._too_large = too_large

    def takes(self, message: Outgoing) -> bool:
        return message.id != self._too_large


async def test_an_event_that_cannot_be_rendered_is_passed_over_and_all_others_are_published(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    await bed.create(groups(5))
    ids, published = await stored_ids(bed), Recorded()

    def rendered(event: Stored) -> Event | None:
        if str(event.id) == ids[2]:
            raise ValueError("year 10000 is out of range")
        return publishable(event)

    monkeypatch.setattr(relay_module, "publishable", rendered)
    async with relaying(bed, published) as relay:
        await until_relayed(bed)
    assert published.ids == [*ids[:2], *ids[3:]]
    assert relay.passed_over == 1
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    [[position, kind]] = await bed.fetch("SELECT global_position, type FROM events WHERE id = :id", id=ids[2])
    assert f"position={position} type={kind}" in told


async def test_an_event_that_is_too_large_for_the_server_is_passed_over_and_all_others_are_published(
    bed: Bed,
):
    await bed.create(groups(5))
    ids = await stored_ids(bed)
    published = TakesAllBut(ids[2])
    async with relaying(bed, published) as relay:
        await until_relayed(bed)
    assert published.ids == [*ids[:2], *ids[3:]]
    assert relay.passed_over == 1


async def test_what_nats_did_not_acknowledge_is_never_passed_over(bed: Bed):
    class Away(TakesAllBut):
        async def publish(self, _: Sequence[Outgoing]) -> None:
            raise ConnectionError("the connection broke")

    await bed.create(groups(5))
    ids = await stored_ids(bed)
    relay, published = Relay(bed.engine, Away(ids[2]), SWEEP_SECONDS, LEAD_SECONDS), TakesAllBut(ids[2])  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        await relay.run(asyncio.Event(), Pulse())
    assert relay.passed_over == 0
    async with relaying(bed, published):
        await until_relayed(bed)
    assert published.ids == [*ids[:2], *ids[3:]]


async def test_a_relay_that_crashed_takes_the_lead_again_in_the_same_process(bed: Bed):
    """A connection goes back to the pool when the relay ends; the lock of the lead must not stay with it."""
    await asyncio.gather(*(bed.create(groups(1), f"wa_{number}") for number in range(4)))

    class Crashes(Takes):
        async def publish(self, _: Sequence[Outgoing]) -> None:
            raise ConnectionError("the connection broke")

    with pytest.raises(ConnectionError):
        await Relay(bed.engine, Crashes(), SWEEP_SECONDS, LEAD_SECONDS).run(asyncio.Event(), Pulse())  # type: ignore[arg-type]
    async with relaying(bed, Recorded()):
        await until_relayed(bed)


async def test_only_one_relays_at_a_time_and_the_next_takes_over_when_it_ends(bed: Bed):
    first, second = Recorded(), Recorded()
    await bed.create(groups(1), "wa_1")
    async with relaying(bed, first):
        await until_relayed(bed)
        async with relaying(bed, second):
            await bed.create(groups(1), "wa_2")
            await until_relayed(bed)
            assert second.ids == []
    async with relaying(bed, second):
        await bed.create(groups(1), "wa_3")
        await until_relayed(bed)
    assert [*first.ids, *second.ids] == await stored_ids(bed)
    assert len(second.ids) == 4


async def test_a_relay_that_is_frozen_loses_the_lead_and_what_it_publishes_on_waking_changes_nothing(
    bed: Bed, client: Client
):
    campaign_id = await bed.create(groups(LONG))
    told, frozen = await campaign_ids(bed), Frozen(Publisher(client))
    first = Relay(bed.engine, frozen, SWEEP_SECONDS, SHORT_LEAD_SECONDS)  # type: ignore[arg-type]
    leading = asyncio.create_task(first.run(asyncio.Event(), Pulse()))
    await asyncio.wait_for(frozen.stands.wait(), 10)
    async with relaying(bed, Publisher(client)):
        await until_relayed(bed)
        frozen.woken.set()
        with pytest.raises(DBAPIError):
            await asyncio.wait_for(leading, 10)
        await bed.create(groups(3), "wa_later")
        await until_relayed(bed)
    assert await published_ids(client, campaign_id) == told


async def test_a_relay_that_has_nothing_to_publish_keeps_the_lead(bed: Bed):
    idle, waiting = Recorded(), Recorded()
    await bed.create(groups(1), "wa_1")
    async with relaying(bed, idle, SHORT_LEAD_SECONDS):
        await until_relayed(bed)
        async with relaying(bed, waiting, SHORT_LEAD_SECONDS):
            await until_somebody_led_for(bed, 3 * SHORT_LEAD_SECONDS)
            await bed.create(groups(1), "wa_2")
            await until_relayed(bed)
    assert (waiting.ids, idle.ids) == ([], await stored_ids(bed))


async def test_what_was_relayed_is_not_published_again_after_a_restart(bed: Bed):
    await bed.create(groups(3))
    async with relaying(bed, Recorded()):
        await until_relayed(bed)
    again, before = Recorded(), await stored_ids(bed)
    await bed.create(groups(1), "wa_new")
    async with relaying(bed, again):
        await until_relayed(bed)
    assert again.ids == (await stored_ids(bed))[len(before) :]


async def test_a_batch_with_a_message_that_the_stream_already_has_is_published_one_by_one(client: Client):
    batch = [Outgoing(f"wa.event.recipient.sent.single{n}", b"{}", f"single-{n}") for n in range(4)]
    await Publisher(client).publish(batch[1:3])
    await Publisher(client).publish(batch)
    stored = await Bus(client).read("EVENTS", "wa.event.recipient.sent.*")
    mine = [subject.rpartition(".")[2] for subject, _ in stored if ".single" in subject]
    assert mine == ["single1", "single2", "single0", "single3"]


async def test_a_batch_of_nothing_is_nothing(client: Client):
    await Publisher(client).publish([])
