"""Receipts and reactions of the simulated VPS: who reads, through which sessions, under which name."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.simulator_bed import GROUP, Bed, simulator_bed


@pytest_asyncio.fixture
async def bed() -> AsyncIterator[Bed]:
    async with simulator_bed() as made:
        await made.control.turn(callback_min_ms=0, callback_max_ms=0, receipt_min_ms=1, receipt_max_ms=5)
        yield made


async def test_each_reader_tells_delivered_then_read(bed: Bed) -> None:
    await bed.control.put_recipients(
        [GROUP], readers=["919811111111", "919822222222"], delivered_readers=2, read_readers=1
    )
    await bed.send(messageId="3EB0111111111111111111")

    sent, *receipts = await bed.heard_all()
    told = [(each.body["event"], each.body["readerPhone"]) for each in receipts]
    assert sent.body["event"] == "message_sent"
    assert sorted(told, key=str) == [
        ("delivered", "919811111111"),
        ("delivered", "919822222222"),
        ("read", "919811111111"),
    ]
    assert told.index(("delivered", "919811111111")) < told.index(("read", "919811111111"))
    assert {each.hook for each in receipts} == {"read-receipt"}
    assert {each.body["messageId"] for each in receipts} == {"3EB0111111111111111111"}
    assert all(str(each.body["timestamp"]).endswith("Z") for each in receipts)


async def test_the_same_receipt_comes_from_every_session_in_the_group(bed: Bed) -> None:
    await bed.control.turn(delivered_readers=1, receipt_sessions=["wa_y", "wa_z"])
    await bed.send()

    receipts = (await bed.heard_all())[1:]
    assert [each.body["sessionId"] for each in receipts] == ["wa_x", "wa_y", "wa_z"]
    assert len({str(each.body["readerPhone"]) for each in receipts}) == 1


@pytest.mark.parametrize(("knob", "length"), [("empty_reader", 0), ("lid_reader", 15)])
async def test_a_reader_may_be_empty_or_hidden_behind_a_lid(bed: Bed, knob: str, length: int) -> None:
    await bed.control.turn(delivered_readers=1, **{knob: 1})
    await bed.send()

    reader = str((await bed.heard_all())[1].body["readerPhone"])
    assert (len(reader), reader.strip("0123456789")) == (length, "")


async def test_a_person_is_the_only_reader_of_a_message_to_them(bed: Bed) -> None:
    await bed.control.turn(delivered_readers=5)
    await bed.send("919876543210@s.whatsapp.net")

    assert [each.body["readerPhone"] for each in (await bed.heard_all())[1:]] == ["919876543210"]


async def test_reactions_are_added_and_taken_back(bed: Bed) -> None:
    await bed.control.turn(reactors=1, readers=["919811111111"], emoji="🎉", reaction_removed=1)
    await bed.send()

    added, removed = (await bed.heard_all())[1:]
    assert (added.hook, added.body["event"], added.body["emoji"]) == ("reaction", "reaction_add", "🎉")
    assert (removed.hook, removed.body["event"]) == ("reaction", "reaction_remove")
    assert "emoji" not in removed.body
    assert added.body["reactorPhone"] == removed.body["reactorPhone"] == "919811111111"


@pytest.mark.parametrize(("after_error", "receipts"), [(False, 0), (True, 1)])
async def test_a_refused_message_has_receipts_only_if_told_to(
    bed: Bed, after_error: bool, receipts: int
) -> None:
    await bed.control.turn(error_ack=1, delivered_readers=1, receipts_after_error=after_error)
    await bed.send()

    await bed.heard_all()
    assert Counter(bed.gateway.events)["delivered"] == receipts


async def test_a_thousand_readers_are_a_thousand_different_people(bed: Bed) -> None:
    await bed.control.turn(delivered_readers=1_000)
    await bed.send()

    readers = {str(each.body["readerPhone"]) for each in (await bed.heard_all())[1:]}
    assert len(readers) == 1_000
