"""Dead letters are sent again: part by part, whoever stops in the middle, and nobody who must not be."""

from uuid import UUID

import pytest
from rich.console import Console

from contracts.delivery import MessageErrored, MessageFailed, MessageSent
from dispatcher.api import attention_queries
from dispatcher.api.attention_queries import Wanted
from dispatcher.api.dead_letter_views import details_of
from dispatcher.attention.items import Kind
from dispatcher.domain.campaign_commands import Cancel
from dispatcher.handling import Cause
from dispatcher.moving import Moving
from dispatcher.moving import Wish as MoveWish
from dispatcher.processes import redrive_dead
from dispatcher.processes.redrive_dead import Redrive
from dispatcher.projections import campaign_status, dead_letters
from dispatcher.projections.dead_letters import HIGHEST, LATEST_MS, Selection
from dispatcher.rebuilding import verify
from dispatcher.redrive import Redriven, Who, redrive_named
from dispatcher.steering import Wish, carry_out
from dispatcher.store import redrive_orders
from support.dispatching import RULES, SESSION, TENANT, Bed, counted, groups, report
from support.sending import Recorder, new_sender, rounds

DANA = Who(TENANT, "dana", "the line was down")


async def failed_campaign(bed: Bed, jids: list[str], session_id: str = "wa_x", code: int = 999) -> UUID:
    """Return a campaign whose messages were all refused for good."""
    campaign_id, attempts = await bed.begin(jids, session_id)
    about = {"error_code": code, "error_message": "no", "session_id": session_id}
    await bed.tell(
        *(report(MessageErrored, message_id=attempt.message_id, **about) for attempt in attempts.values())
    )
    return campaign_id


async def order(bed: Bed, selection: Selection | None = None, tenant: str = TENANT) -> None:
    async with bed.engine.begin() as connection:
        await redrive_orders.give(connection, tenant, selection or Selection(), "dana", "the line was down")


async def carried_out(bed: Bed) -> int:
    """Carry out all that is ordered; return in how many steps."""
    process = Redrive(bed.engine, RULES, bed.clock.now_ms)
    steps = 0
    while await process.carry_out():
        bed.clock.ms += 1
        steps += 1
        assert steps < 100
    return steps


async def count(bed: Bed, selection: Selection, tenant: str = TENANT) -> int:
    async with bed.engine.connect() as connection:
        return await dead_letters.count(connection, tenant, selection)


async def named(bed: Bed, *ids: str, dry_run: bool = False) -> Redriven:
    wanted = [UUID(each) for each in ids]
    return await redrive_named(bed.engine, RULES, DANA, wanted, bed.clock.ms, dry_run=dry_run)


async def test_what_a_selection_finds_is_sent_again_in_parts(bed: Bed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redrive_dead, "PART", 2)
    campaign_id = await failed_campaign(bed, groups(5))
    await order(bed)
    assert await carried_out(bed) == 4, "three parts, and the end"
    assert await bed.statuses(campaign_id) == ["queued"] * 5
    assert (await bed.count("redrive_orders"), await bed.count("concerns")) == (0, 0)
    rows = await bed.fetch(
        "SELECT DISTINCT data->>'by', data->>'why' FROM events WHERE type = 'recipient.requeued'"
    )
    assert rows == [("dana", "the line was down")]
    assert (await verify(bed.engine, Console(quiet=True))).differences == []


async def test_a_selection_means_what_it_says(bed: Bed):
    first = await failed_campaign(bed, groups(2), "wa_a", 420)
    bed.clock.advance(60)
    second = await failed_campaign(bed, groups(3, 10), "wa_b")
    since_ms = bed.clock.ms
    for selection, expected in {
        Selection(): 5,
        Selection(first): 2,
        Selection(session_id="wa_b"): 3,
        Selection(error_code=420): 2,
        Selection(error_code=421): 0,
        Selection(since_ms=since_ms): 3,
        Selection(until_ms=since_ms - 1): 2,
        Selection(first, "wa_b"): 0,
    }.items():
        assert await count(bed, selection) == expected, selection
    assert await count(bed, Selection(), "other") == 0
    await order(bed, Selection(session_id="wa_b", error_code=999))
    await order(bed, Selection(), "other")
    await carried_out(bed)
    assert await bed.statuses(first) == ["failed"] * 2
    assert await bed.statuses(second) == ["queued"] * 3


async def test_a_dead_letter_stays_with_the_session_that_it_went_through(bed: Bed):
    jids = groups(2)
    campaign_id = await bed.create(jids)
    attempt = (await bed.start(campaign_id, jids[:1]))[jids[0]]
    await bed.tell(report(MessageErrored, message_id=attempt.message_id, error_code=999, error_message="no"))
    await Moving(bed.engine, RULES, bed.clock.now_ms).move(MoveWish(SESSION, "wa_new", "ann", None))
    for session_id, expected in ((SESSION, [SESSION]), ("wa_new", [])):
        selection = Selection(session_id=session_id)
        assert await count(bed, selection) == len(expected)
        async with bed.engine.connect() as connection:
            letters = await dead_letters.newest(connection, TENANT, selection, (LATEST_MS, HIGHEST), 10)
            items = await attention_queries.items(
                connection, [Kind.DEAD_LETTER], Wanted(TENANT, session_id=session_id), 10
            )
            [campaign] = await campaign_status.load(connection, [campaign_id])
        shown = [details_of(one.concern.attempt_id, one.message, campaign).session_id for one in letters]
        assert [letter.session_id for letter in letters] == [item.session_id for item in items] == expected
        assert shown == expected
    await order(bed, Selection(session_id="wa_new"))
    await carried_out(bed)
    assert await bed.statuses(campaign_id) == ["failed", "queued"]
    await order(bed, Selection(session_id=SESSION))
    await carried_out(bed)
    assert await bed.statuses(campaign_id) == ["queued"] * 2


async def test_what_fails_again_meanwhile_is_not_sent_again_by_the_same_order(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redrive_dead, "PART", 1)
    jids = groups(2)
    campaign_id = await failed_campaign(bed, jids)
    await order(bed, Selection(until_ms=bed.clock.ms))
    process = Redrive(bed.engine, RULES, bed.clock.now_ms)
    bed.clock.advance(1)
    await process.carry_out()
    [again] = [jid for jid in jids if (await bed.recipient(campaign_id, jid)).status == "queued"]
    attempt = (await bed.start(campaign_id, [again]))[again]
    await bed.tell(report(MessageErrored, message_id=attempt.message_id, error_code=999, error_message="no"))
    bed.clock.advance(1)
    await carried_out(bed)
    assert (await bed.recipient(campaign_id, again)).status == "failed"
    assert sorted(await bed.statuses(campaign_id)) == ["failed", "queued"]


async def test_an_order_whose_worker_died_is_taken_up_by_another(bed: Bed):
    campaign_id = await failed_campaign(bed, groups(2))
    await order(bed)
    await bed.execute("UPDATE redrive_orders SET claimed_until_ms = :at", at=bed.clock.ms + 120_000)
    assert await carried_out(bed) == 0
    bed.clock.advance(121)
    assert await carried_out(bed) == 2
    assert await bed.statuses(campaign_id) == ["queued"] * 2


async def test_the_messages_of_a_cancelled_campaign_stay_where_they_are(bed: Bed):
    jids = groups(3)
    campaign_id, attempts = await bed.begin(jids[:2])
    cancel = Wish(TENANT, campaign_id, Cancel(bed.clock.ms, "dana"), Cause("story"))
    await carry_out(bed.engine, RULES, cancel)
    await bed.tell(
        *(
            report(MessageErrored, message_id=attempt.message_id, error_code=999, error_message="no")
            for attempt in attempts.values()
        )
    )
    other = await failed_campaign(bed, jids[2:])
    assert await count(bed, Selection()) == 1
    await order(bed)
    await carried_out(bed)
    assert await bed.statuses(campaign_id) == ["failed"] * 2
    assert await bed.statuses(other) == ["queued"]
    done = await named(bed, attempts[jids[0]].id)
    assert [one.code for one in done.refused] == ["CAMPAIGN_CANCELLED"]


async def test_an_automatic_retry_that_is_still_to_come_is_cancelled_and_one_message_leaves(bed: Bed):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    await bed.tell(report(MessageFailed, recipient=jid, client_ref=attempts[jid].id, error="closed"))
    assert (await bed.recipient(campaign_id, jid)).due_at_ms == bed.clock.ms + 60_000
    assert (await named(bed, attempts[jid].id, dry_run=True)).redriven == 1
    assert (await bed.recipient(campaign_id, jid)).due_at_ms == bed.clock.ms + 60_000
    assert (await named(bed, attempts[jid].id)).redriven == 1
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    [request] = caller.requests
    assert caller.keys == [request.client_ref], "the key is the new attempt's own"
    assert (request.client_ref, request.message_id) != (attempts[jid].id, attempts[jid].message_id)
    await bed.tell(report(MessageSent, recipient=jid, client_ref=request.client_ref))
    bed.clock.advance(3_600)
    await rounds(bed, sender, 3)
    assert len(caller.requests) == 1
    assert await bed.statuses(campaign_id) == ["sent"]


async def test_what_is_in_flight_or_was_sent_is_not_sent_again(bed: Bed):
    first, second = groups(2)
    campaign_id, attempts = await bed.begin([first, second])
    await bed.tell(report(MessageSent, recipient=second, client_ref=attempts[second].id))
    done = await named(bed, attempts[first].id, attempts[second].id)
    assert (done.redriven, done.already) == (0, 1)
    assert [one.code for one in done.refused] == ["NOT_FAILED"]
    assert await bed.statuses(campaign_id) == ["processing", "sent"]


async def statements_of_a_part(bed: Bed, size: int, first: int) -> list[str]:
    await failed_campaign(bed, groups(size, first))
    await order(bed)
    with counted(bed.engine) as statements:
        await Redrive(bed.engine, RULES, bed.clock.now_ms).carry_out()
    await carried_out(bed)
    return statements


async def test_a_part_of_400_takes_as_many_statements_as_one_of_40(bed: Bed):
    small = await statements_of_a_part(bed, 40, 1)
    large = await statements_of_a_part(bed, 400, 1_000)
    assert len(large) == len(small), f"{len(small)} statements for 40, {len(large)} for 400: {large}"
