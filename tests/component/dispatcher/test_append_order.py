"""Positions are in commit order: a reader that keeps only a position loses nothing while others append."""

import asyncio
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import Recorded, appending, read_after, read_stream
from dispatcher.store.writes import Writes
from support.dispatching import Bed

APPENDERS = 8
BATCHES = 12


def facts(stream: str, first: int, count: int = 1) -> list[Recorded]:
    return [
        Recorded(stream, version, "x", msgspec.Raw(b'{"a":1}'), "s", "t", "c", None, version)
        for version in range(first, first + count)
    ]


async def append(connection: AsyncConnection, events: list[Recorded]) -> None:
    writes = Writes()
    writes.append(events)
    await writes.carry_out(connection)


async def append_batches(bed: Bed, number: int, order: list[str]) -> None:
    """Append batches of different length, and note each as soon as the next one may append."""
    for turn in range(BATCHES):
        stream = f"campaign-{uuid4()}"
        async with appending(bed.engine) as connection:
            await append(connection, facts(stream, 1, 1 + (number + turn) % 5))
            await asyncio.sleep(0)
            order.append(stream)


async def read_while(bed: Bed, appending_tasks: "asyncio.Future[object]") -> list[tuple[int, str]]:
    """Follow by position alone until the appenders are done and nothing is left."""
    position, seen = 0, []
    while True:
        finished = appending_tasks.done()
        async with bed.engine.connect() as connection:
            page = await read_after(connection, position, 7)
        seen += [(event.global_position, event.stream) for event in page]
        position = page[-1].global_position if page else position
        if finished and not page:
            return seen


async def test_a_reader_that_keeps_only_a_position_loses_nothing_while_eight_append(bed: Bed):
    order: list[str] = []
    writers = asyncio.gather(*(append_batches(bed, number, order) for number in range(APPENDERS)))
    seen = await read_while(bed, writers)
    await writers
    stored = await bed.fetch("SELECT global_position, stream FROM events ORDER BY global_position")
    assert seen == stored
    assert len(order) == APPENDERS * BATCHES


async def test_positions_are_in_the_order_of_the_commits(bed: Bed):
    order: list[str] = []
    await asyncio.gather(*(append_batches(bed, number, order) for number in range(APPENDERS)))
    stored = await bed.fetch("SELECT stream FROM events ORDER BY global_position")
    assert list(dict.fromkeys(stream for (stream,) in stored)) == order


async def test_what_was_rolled_back_leaves_no_event_and_no_reader_waits_for_its_position(bed: Bed):
    async with bed.engine.connect() as connection:
        await append(connection, facts("campaign-a", 1))
        await connection.rollback()
    async with appending(bed.engine) as connection:
        await append(connection, facts("campaign-a", 1, 3))
    async with bed.engine.connect() as connection:
        assert [event.version for event in await read_after(connection, 0, 10)] == [1, 2, 3]


async def test_the_text_of_a_failed_statement_tells_none_of_its_values(bed: Bed):
    """It is logged; a reader's phone number without a plus would not be masked there."""
    with pytest.raises(DBAPIError) as failed:
        await bed.fetch("SELECT length(CAST(:reader AS text)) / 0", reader="919812345678")
    assert "division by zero" in str(failed.value)
    assert "919812345678" not in str(failed.value)


async def test_a_stream_has_one_event_per_version(bed: Bed):
    async with appending(bed.engine) as connection:
        await append(connection, facts("campaign-a", 1, 2))
    with pytest.raises(IntegrityError, match="a_stream_has_one_event_per_version"):
        async with appending(bed.engine) as connection:
            await append(connection, facts("campaign-a", 2))


async def test_an_event_is_read_back_as_it_was_appended(bed: Bed):
    [fact] = facts("session-a", 1)
    async with appending(bed.engine) as connection:
        await append(connection, [fact])
    async with bed.engine.connect() as connection:
        [stored] = await read_stream(connection, "session-a")
    assert (stored.stream, stored.version, stored.type, stored.status) == ("session-a", 1, "x", "s")
    assert (stored.tenant, stored.correlation, stored.causation, stored.recorded_at_ms) == ("t", "c", None, 1)
    assert bytes(stored.data) == b'{"a": 1}'


async def test_a_nul_that_somebody_sends_is_kept_as_the_replacement_character(bed: Bed):
    jids = ["120363000000000001@g.us"]
    campaign_id = await bed.create(jids, media_url="a\x00b")
    assert (await bed.campaign(campaign_id)).campaign.content.media_url == "a\ufffdb"


async def test_a_text_that_only_looks_like_a_nul_is_kept_as_it_is(bed: Bed):
    written = r"\u0000"
    for number, text in enumerate((written, "\\" + written, "\\\\" + written, "\\")):
        campaign_id = await bed.create([f"12036300000000000{number}@g.us"], media_url=text)
        assert (await bed.campaign(campaign_id)).campaign.content.media_url == text
    campaign_id = await bed.create(["120363000000000009@g.us"], media_url="\\\0\0" + written)
    assert (await bed.campaign(campaign_id)).campaign.content.media_url == "\\\ufffd\ufffd" + written
