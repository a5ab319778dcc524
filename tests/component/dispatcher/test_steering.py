"""Campaigns are told what somebody wants of them: who may be told what, and what becomes of it."""

from uuid import UUID

import pytest
from rich.console import Console

from contracts.delivery import MessageErrored, MessageFailed, MessageSent
from contracts.envelope import type_of
from dispatcher.answers import Found, NoLookup, NotFound, Remembered, Unreachable
from dispatcher.domain.campaign_commands import Cancel, Command, Confirm, Pause, Resume, Retry, Verify
from dispatcher.domain.campaign_decider import Rejected
from dispatcher.domain.recipient_commands import RecordRejected
from dispatcher.handling import Cause, batch
from dispatcher.processes import carry_out_orders
from dispatcher.processes.cancel_queued import Cancelling
from dispatcher.processes.carry_out_orders import Orders
from dispatcher.processes.expire_sends import Expiry
from dispatcher.processes.inquiry import Inquiry
from dispatcher.processes.start_scheduled import Schedule
from dispatcher.projections.rows import CampaignRow
from dispatcher.publishing import publishable
from dispatcher.rebuilding import rebuild, verify
from dispatcher.steering import Asked, Wish, carry_out
from dispatcher.store import lease
from dispatcher.store.postgres import read_after
from dispatcher.store.stream_names import CommandKey
from dispatcher.translate import to_time
from support.dispatching import RULES, TENANT, Bed, groups, report
from support.sending import Recorder, new_sender, rounds


class Memory:
    """What a VPS remembers; asked about others it says `otherwise`."""

    def __init__(self, otherwise: Remembered, **known: Remembered) -> None:
        self.otherwise = otherwise
        self.known = dict(known)
        self.asked: list[str] = []

    async def look_up(self, request) -> Remembered:
        self.asked.append(request.group_jid)
        return self.known.get(request.group_jid, self.otherwise)


async def tell(bed: Bed, campaign_id: UUID, command: Command, tenant: str = TENANT) -> CampaignRow:
    row = await carry_out(bed.engine, RULES, Wish(tenant, campaign_id, command, Cause("story")))
    assert isinstance(row, CampaignRow), row
    return row


async def rejection(bed: Bed, campaign_id: UUID, command: Command, tenant: str = TENANT) -> str:
    answer = await carry_out(bed.engine, RULES, Wish(tenant, campaign_id, command, Cause("story")))
    assert isinstance(answer, Rejected), answer
    return answer.code


def orders_of(bed: Bed, memory: Memory) -> Orders:
    """Return what carries orders out, with a VPS that remembers this."""
    return Orders(bed.engine, RULES, Inquiry(bed.engine, memory.look_up, "hold"), bed.clock.now_ms)


async def carried_out(bed: Bed, memory: Memory | None = None, orders: Orders | None = None) -> int:
    """Carry out all that is ordered and does not rest; return in how many parts."""
    orders = orders or orders_of(bed, memory or Memory(NotFound()))
    parts = 0
    while await orders.carry_out():
        bed.clock.ms += 1
        parts += 1
        assert parts < 100
    return parts


async def failed_campaign(bed: Bed, jids: list[str]) -> UUID:
    """Return a campaign whose messages were all refused for good."""
    campaign_id, attempts = await bed.begin(jids)
    await bed.tell(
        *(
            report(MessageErrored, message_id=attempt.message_id, error_code=999, error_message="no")
            for attempt in attempts.values()
        )
    )
    return campaign_id


async def held_campaign(bed: Bed, jids: list[str]) -> tuple[UUID, dict[str, str]]:
    """Return a campaign whose outcomes nobody knows, and the message ids."""
    campaign_id, attempts = await bed.begin(jids)
    async with bed.engine.begin() as connection:
        await lease.take(connection, "one", 600_000)
    bed.clock.advance(300)
    await Expiry(bed.engine, RULES, Memory(NoLookup()).look_up, "hold", bed.clock.now_ms, "one").settle()
    assert set(await bed.statuses(campaign_id)) == {"unconfirmed"}
    return campaign_id, {jid: attempt.message_id for jid, attempt in attempts.items()}


async def test_a_paused_campaign_sends_nothing_and_a_resumed_one_goes_on_where_it_was(bed: Bed):
    jids = groups(4)
    campaign_id = await bed.create(jids)
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 2)
    row = await tell(bed, campaign_id, Pause(bed.clock.ms, "dana", "wrong picture"))
    assert row.campaign.status == "paused"
    await rounds(bed, sender, 5)
    assert caller.called == jids[:2]
    row = await tell(bed, campaign_id, Resume(bed.clock.ms, "dana"))
    assert row.campaign.status == "running"
    await rounds(bed, sender, 5)
    assert caller.called == jids


async def test_a_campaign_that_was_paused_before_it_began_is_queued_again(bed: Bed):
    campaign_id = await bed.create(groups(1))
    await tell(bed, campaign_id, Pause(bed.clock.ms, "dana"))
    assert (await tell(bed, campaign_id, Resume(bed.clock.ms, "dana"))).campaign.status == "queued"


async def test_what_was_in_flight_when_it_was_paused_still_finishes_it(bed: Bed):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    await tell(bed, campaign_id, Pause(bed.clock.ms, "dana"))
    await bed.tell(report(MessageSent, recipient=jid, message_id=attempts[jid].message_id))
    assert (await bed.campaign(campaign_id)).campaign.status == "completed"
    assert await rejection(bed, campaign_id, Resume(bed.clock.ms, "dana")) == "CAMPAIGN_FINISHED"


@pytest.mark.parametrize("verb", [Pause, Resume, Cancel])
async def test_a_repeat_changes_nothing(bed: Bed, verb: type[Pause | Resume | Cancel]):
    campaign_id = await bed.create(groups(1))
    await tell(bed, campaign_id, Pause(bed.clock.ms, "dana"))
    first = await tell(bed, campaign_id, verb(bed.clock.ms, "dana"))
    again = await tell(bed, campaign_id, verb(bed.clock.ms, "erin"))
    assert again.version == first.version
    assert again.campaign == first.campaign


async def test_nobody_steers_the_campaign_of_another_tenant(bed: Bed):
    campaign_id = await bed.create(groups(1))
    for command in (Pause(1, "x"), Cancel(1, "x"), Retry(1, "x"), Confirm(1, "x", outcome="sent")):
        assert await rejection(bed, campaign_id, command, "other") == "NOT_FOUND"
        assert await rejection(bed, UUID(int=1), command) == "NOT_FOUND"
    assert (await bed.campaign(campaign_id)).campaign.status == "queued"


async def test_cancelling_closes_the_gate_at_once_and_what_is_queued_is_cancelled_in_parts(bed: Bed):
    jids = groups(7)
    campaign_id = await bed.create(jids)
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    row = await tell(bed, campaign_id, Cancel(bed.clock.ms, "dana"))
    assert (row.campaign.status, row.tally.queued, row.campaign.finished_at_ms) == ("cancelled", 6, None)
    await rounds(bed, sender, 3)
    assert caller.called == jids[:1]
    cancelling = Cancelling(bed.engine, RULES, bed.clock.now_ms, part=4)
    assert [await cancelling.cancel() for _ in range(3)] == [4, 2, 0]
    assert await bed.statuses(campaign_id) == ["processing", *["cancelled"] * 6]
    assert (await bed.campaign(campaign_id)).campaign.finished_at_ms is None
    [request] = caller.requests
    await bed.tell(report(MessageSent, recipient=jids[0], client_ref=request.client_ref))
    row = await bed.campaign(campaign_id)
    assert (row.campaign.status, row.tally.sent, row.tally.cancelled) == ("cancelled", 1, 6)
    assert row.campaign.finished_at_ms is not None
    assert await rejection(bed, campaign_id, Retry(bed.clock.ms, "dana")) == "CAMPAIGN_CANCELLED"


async def test_a_failure_that_would_be_tried_again_is_cancelled_with_its_campaign(bed: Bed):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    await tell(bed, campaign_id, Cancel(bed.clock.ms, "dana"))
    await bed.tell(report(MessageFailed, recipient=jid, client_ref=attempts[jid].id, error="closed"))
    assert await bed.statuses(campaign_id) == ["queued"]
    await Cancelling(bed.engine, RULES, bed.clock.now_ms).cancel()
    assert await bed.statuses(campaign_id) == ["cancelled"]
    assert (await bed.campaign(campaign_id)).campaign.finished_at_ms is not None


async def test_a_stopped_campaign_keeps_somebody_to_look_its_messages_up(bed: Bed):
    for verb in (Pause, Cancel):
        campaign_id, _ = await bed.begin(groups(1), f"wa_{verb.__name__}")
        await tell(bed, campaign_id, verb(bed.clock.ms, "dana"))
    async with bed.engine.begin() as connection:
        assert sorted(await lease.take(connection, "two", 1000)) == ["wa_Cancel", "wa_Pause"]


async def test_a_scheduled_campaign_waits_for_its_time(bed: Bed):
    campaign_id = await bed.create(groups(1), scheduled_at=to_time(bed.clock.ms + 60_000))
    schedule = Schedule(bed.engine, RULES, bed.clock.now_ms)
    caller = Recorder()
    sender = new_sender(bed, caller)
    bed.clock.advance(59)
    assert await schedule.start_due() == 0
    await rounds(bed, sender, 1)
    assert ((await bed.campaign(campaign_id)).campaign.status, caller.called) == ("scheduled", [])
    bed.clock.advance(1)
    assert (await schedule.start_due(), await schedule.start_due()) == (1, 0)
    assert (await bed.campaign(campaign_id)).campaign.status == "queued"
    await rounds(bed, sender, 1)
    assert len(caller.called) == 1


async def test_a_time_that_has_passed_is_now(bed: Bed):
    campaign_id = await bed.create(groups(1), scheduled_at=to_time(bed.clock.ms - 1))
    assert (await bed.campaign(campaign_id)).campaign.status == "queued"


async def test_a_scheduled_campaign_that_is_paused_or_cancelled_does_not_start(bed: Bed):
    due = to_time(bed.clock.ms + 60_000)
    paused, cancelled = [await bed.create(groups(1), f"wa_{n}", scheduled_at=due) for n in range(2)]
    await tell(bed, paused, Pause(bed.clock.ms, "dana"))
    await tell(bed, cancelled, Cancel(bed.clock.ms, "dana"))
    bed.clock.advance(60)
    await Schedule(bed.engine, RULES, bed.clock.now_ms).start_due()
    assert (await bed.campaign(paused)).campaign.status == "paused"
    assert (await bed.campaign(cancelled)).campaign.status == "cancelled"
    assert (await tell(bed, paused, Resume(bed.clock.ms, "dana"))).campaign.status == "queued"


async def test_what_failed_for_good_is_sent_again_in_parts(bed: Bed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(carry_out_orders, "PART", 2)
    jids = groups(5)
    campaign_id = await failed_campaign(bed, jids)
    assert (await bed.campaign(campaign_id)).campaign.status == "failed"
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana", "the line was down"))
    assert await carried_out(bed) == 4
    row = await bed.campaign(campaign_id)
    assert (row.campaign.status, row.tally.queued) == ("running", 5)
    recipient = await bed.recipient(campaign_id, jids[0])
    assert (recipient.due_at_ms, recipient.next_number) == (bed.clock.ms - 4, 2)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 5)
    assert sorted(caller.called) == jids
    assert recipient.attempts[0].message_id not in {request.message_id for request in caller.requests}


async def test_a_repeated_retry_finds_nobody_to_send_to_again(bed: Bed):
    campaign_id = await failed_campaign(bed, groups(2))
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana"))
    await carried_out(bed)
    version = (await bed.campaign(campaign_id)).version
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana"))
    assert (await bed.campaign(campaign_id)).version == version
    assert await bed.count("campaign_orders") == 0


async def test_what_is_unconfirmed_is_sent_again_only_when_that_is_said(bed: Bed):
    [jid] = groups(1)
    campaign_id, ids = await held_campaign(bed, [jid])
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana"))
    await carried_out(bed)
    assert await bed.statuses(campaign_id) == ["unconfirmed"]
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana", include_unconfirmed=True))
    await carried_out(bed)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller, "one"), 1)
    assert [request.message_id for request in caller.requests] == [ids[jid]], "the VPS may know it by its ids"


async def test_named_recipients_are_told_at_once_and_all_or_none(bed: Bed):
    jids = groups(3)
    campaign_id = await failed_campaign(bed, jids)
    strangers = (jids[0], "120363000000000999@g.us")
    assert await rejection(bed, campaign_id, Retry(1, "dana", recipients=strangers)) == "NOT_FOUND"
    assert await bed.statuses(campaign_id) == ["failed"] * 3
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana", recipients=(jids[1], jids[1])))
    assert await bed.statuses(campaign_id) == ["failed", "queued", "failed"]
    confirm = Confirm(bed.clock.ms, "dana", "seen", outcome="sent", recipients=(jids[1],))
    assert await rejection(bed, campaign_id, confirm) == "NOT_UNCONFIRMED"


async def test_a_word_by_hand_settles_what_is_unconfirmed_or_failed(bed: Bed):
    campaign_id, _ = await held_campaign(bed, groups(2))
    await tell(bed, campaign_id, Confirm(bed.clock.ms, "dana", "seen on the phone", outcome="sent"))
    await carried_out(bed)
    row = await bed.campaign(campaign_id)
    assert (row.campaign.status, row.tally.sent) == ("completed", 2)
    [(source, by, why)] = await bed.fetch(
        "SELECT DISTINCT data->>'source', data->>'by', data->>'why' FROM events WHERE type = 'recipient.sent'"
    )
    assert (source, by, why) == ("operator", "dana", "seen on the phone")


async def test_a_word_by_hand_stands_against_an_error_ack_that_was_known(bed: Bed):
    [jid] = groups(1)
    campaign_id = await failed_campaign(bed, [jid])
    await tell(bed, campaign_id, Confirm(bed.clock.ms, "dana", outcome="sent", recipients=(jid,)))
    assert (await bed.campaign(campaign_id)).campaign.status == "completed"


async def test_verifying_asks_about_all_that_is_unconfirmed_or_failed(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(carry_out_orders, "PART_ASKED", 2)
    jids = groups(3)
    campaign_id, ids = await held_campaign(bed, jids)
    memory = Memory(NoLookup())
    memory.known[jids[1]] = Found(ids[jids[1]], bed.clock.ms - 100_000)
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    await carried_out(bed, memory)
    assert sorted(memory.asked) == jids
    assert await bed.statuses(campaign_id) == ["unconfirmed", "sent", "unconfirmed"]


async def test_verifying_settles_a_failure_only_by_proof_that_it_was_sent(bed: Bed):
    jids = groups(2)
    campaign_id, attempts = await bed.begin(jids)
    await bed.tell(
        *(
            report(MessageErrored, message_id=attempts[jid].message_id, error_code=999, error_message="no")
            for jid in jids
        )
    )
    before = await bed.count("events")
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    await carried_out(bed, Memory(NotFound()))
    assert await bed.count("events") == before + 1, "the order, and nothing else"


@pytest.mark.parametrize("echoes", [True, False], ids=["a VPS that echoes", "a VPS that does not"])
async def test_verifying_does_not_take_the_message_of_a_later_campaign_for_its_own(bed: Bed, echoes: bool):
    [jid] = groups(1)
    rejected, _ = await bed.begin([jid])
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        await handling.load(connection, [(rejected, jid)])
        rejection = RecordRejected(bed.clock.ms, 1, "rejected", "no such group")
        handling.tell_recipient((rejected, jid), rejection, Cause("story"))
    bed.clock.advance(10)
    later, attempts = await bed.begin([jid])
    bed.clock.advance(1)
    await tell(bed, rejected, Verify(bed.clock.ms, "dana"))
    await carried_out(bed, Memory(Found("3EB0VPSOWN", bed.clock.ms)))
    about = {"recipient": jid, "message_id": "3EB0VPSOWN"}
    reference = {"client_ref": attempts[jid].id} if echoes else {}
    await bed.tell(report(MessageSent, bed.clock.ms, **about, **reference))
    assert await bed.statuses(rejected) == ["failed"]
    recipient = await bed.recipient(later, jid)
    assert (recipient.status, recipient.attempts[0].message_id) == ("sent", "3EB0VPSOWN")


async def test_a_vps_that_does_not_answer_lets_the_order_rest_where_it_is(bed: Bed):
    jids = groups(3)
    campaign_id, ids = await held_campaign(bed, jids)
    memory = Memory(Unreachable("down"))
    memory.known[jids[0]] = Found(ids[jids[0]], bed.clock.ms - 100_000)
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    assert await carried_out(bed, memory) == 1
    assert await bed.statuses(campaign_id) == ["sent", "unconfirmed", "unconfirmed"]
    memory.otherwise = NoLookup()
    memory.asked.clear()
    bed.clock.advance(31)
    await carried_out(bed, memory)
    assert sorted(memory.asked) == jids[1:]
    assert await bed.count("campaign_orders") == 0


async def test_a_recipient_of_whom_the_vps_does_not_tell_holds_up_no_other(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(carry_out_orders, "PART_ASKED", 2)
    jids = groups(4)
    campaign_id, ids = await held_campaign(bed, jids)
    memory = Memory(NoLookup(), **{jids[0]: Unreachable("the VPS answered 500")})
    memory.known[jids[3]] = Found(ids[jids[3]], bed.clock.ms - 100_000)
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    orders = orders_of(bed, memory)
    await carried_out(bed, orders=orders)
    assert sorted(memory.asked) == jids
    assert await bed.statuses(campaign_id) == [*["unconfirmed"] * 3, "sent"]
    memory.asked.clear()
    memory.known[jids[0]] = Found(ids[jids[0]], bed.clock.ms - 100_000)
    bed.clock.advance(31)
    await carried_out(bed, orders=orders)
    assert memory.asked == jids[:1]
    assert await bed.statuses(campaign_id) == ["sent", *["unconfirmed"] * 2, "sent"]
    assert await bed.count("campaign_orders") == 0


async def test_of_whom_the_vps_does_not_tell_is_asked_again_until_the_patience_is_over(bed: Bed):
    jids = groups(2)
    campaign_id, _ = await held_campaign(bed, jids)
    memory = Memory(NoLookup(), **{jids[1]: Unreachable("the VPS answered 500")})
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    orders = orders_of(bed, memory)
    for seconds in (0, 31, 86_400):
        assert await bed.count("campaign_orders") == 1
        bed.clock.advance(seconds)
        await carried_out(bed, orders=orders)
    assert memory.asked == [*jids, jids[1]]
    assert await bed.statuses(campaign_id) == ["unconfirmed"] * 2
    assert await bed.count("campaign_orders") == 0


async def test_who_has_heard_a_callback_is_not_asked_about_again(bed: Bed):
    [jid] = groups(1)
    campaign_id, ids = await held_campaign(bed, [jid])
    memory = Memory(Unreachable("the VPS answered 500"))
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    orders = orders_of(bed, memory)
    await carried_out(bed, orders=orders)
    await bed.tell(report(MessageSent, bed.clock.ms, recipient=jid, message_id=ids[jid]))
    bed.clock.advance(31)
    await carried_out(bed, orders=orders)
    assert memory.asked == [jid]
    assert await bed.count("campaign_orders") == 0


async def test_who_takes_an_order_over_asks_about_whom_the_vps_did_not_tell(bed: Bed):
    jids = groups(3)
    campaign_id, ids = await held_campaign(bed, jids)
    memory = Memory(NoLookup(), **{jids[1]: Unreachable("the VPS answered 500")})
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    await carried_out(bed, memory)
    memory.known[jids[1]] = Found(ids[jids[1]], bed.clock.ms - 100_000)
    bed.clock.advance(31)
    await carried_out(bed, memory)
    assert await bed.statuses(campaign_id) == ["unconfirmed", "sent", "unconfirmed"]
    assert await bed.count("campaign_orders") == 0


async def test_an_order_rests_while_the_vps_does_not_tell_whether_it_has_forgotten_what_it_sent(bed: Bed):
    witness, jid = groups(2)
    _, attempts = await bed.begin([witness])
    told = report(MessageSent, bed.clock.ms, recipient=witness, message_id=attempts[witness].message_id)
    await bed.tell(told)
    bed.clock.advance(10)
    campaign_id, _ = await held_campaign(bed, [jid])
    memory = Memory(NotFound())
    memory.known[witness] = Unreachable("down")
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    assert await carried_out(bed, memory) == 1
    assert await bed.statuses(campaign_id) == ["unconfirmed"]
    assert await bed.count("campaign_orders") == 1
    memory.known[witness] = Found(attempts[witness].message_id, told.at.isoformat())
    bed.clock.advance(31)
    await carried_out(bed, memory)
    assert memory.asked == [jid, witness] * 2
    assert await bed.statuses(campaign_id) == ["queued"]
    assert await bed.count("campaign_orders") == 0


async def test_an_order_whose_worker_died_is_taken_up_by_another(bed: Bed):
    campaign_id = await failed_campaign(bed, groups(2))
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana"))
    await bed.execute("UPDATE campaign_orders SET claimed_until_ms = :at", at=bed.clock.ms + 120_000)
    assert await carried_out(bed) == 0
    bed.clock.advance(121)
    assert await carried_out(bed) == 2
    assert await bed.statuses(campaign_id) == ["queued", "queued"]


async def test_a_command_over_nats_that_is_delivered_again_is_not_carried_out_again(bed: Bed):
    [jid] = groups(1)
    campaign_id = await failed_campaign(bed, [jid])
    asked = Asked(CommandKey("acme+1"), "campaign.retry")
    wish = Wish(TENANT, campaign_id, Retry(bed.clock.ms, "dana"), Cause("story", "1"), asked)
    for _ in range(2):
        assert isinstance(await carry_out(bed.engine, RULES, wish), CampaignRow)
        await carried_out(bed)
        attempts = (
            await bed.start(campaign_id, [jid]) if await bed.statuses(campaign_id) == ["queued"] else {}
        )
        for attempt in attempts.values():
            about = {"message_id": attempt.message_id, "error_code": 999, "error_message": "no"}
            await bed.tell(report(MessageErrored, **about))
    assert [attempt.number for attempt in (await bed.recipient(campaign_id, jid)).attempts] == [1, 2]
    [(kind, causation)] = await bed.fetch("SELECT type, causation FROM events WHERE stream LIKE 'command-%'")
    assert (kind, causation) == ("campaign.command_accepted", "1")


async def test_all_that_people_decide_can_be_folded_again(bed: Bed):
    jids = groups(4)
    failed, (held, _) = await failed_campaign(bed, jids[:2]), await held_campaign(bed, jids[2:])
    asked = Asked(CommandKey("acme+1"), "campaign.pause")
    due = to_time(bed.clock.ms + 60_000)
    scheduled, cancelled = [await bed.create(jids, f"wa_{n}", scheduled_at=due) for n in range(2)]
    await carry_out(
        bed.engine, RULES, Wish(TENANT, scheduled, Pause(bed.clock.ms, "dana"), Cause("story"), asked)
    )
    await tell(bed, failed, Retry(bed.clock.ms, "dana"))
    await tell(bed, held, Retry(bed.clock.ms, "dana", include_unconfirmed=True, recipients=(jids[2],)))
    await tell(bed, held, Confirm(bed.clock.ms, "dana", outcome="failed"))
    await tell(bed, cancelled, Cancel(bed.clock.ms, "dana"))
    await carried_out(bed)
    await Cancelling(bed.engine, RULES, bed.clock.now_ms, part=3).cancel()
    compared = await verify(bed.engine, Console(quiet=True))
    assert compared.differences == []
    lines = "SELECT c::text FROM campaign_status c ORDER BY 1"
    before = await bed.fetch(lines)
    await rebuild(bed.engine, Console(quiet=True))
    assert await bed.fetch(lines) == before


async def test_every_event_of_a_steered_campaign_can_be_published(bed: Bed):
    campaign_id = await failed_campaign(bed, groups(2))
    await tell(bed, campaign_id, Retry(bed.clock.ms, "dana", "again"))
    await tell(bed, campaign_id, Verify(bed.clock.ms, "dana"))
    await tell(bed, campaign_id, Confirm(bed.clock.ms, "dana", outcome="sent"))
    await carried_out(bed)
    waiting = await bed.create(groups(1), scheduled_at=to_time(bed.clock.ms + 1_000))
    for command in (Pause(1, "dana"), Resume(1, "dana"), Cancel(1, "dana", "enough")):
        await tell(bed, waiting, command)
    await Cancelling(bed.engine, RULES, bed.clock.now_ms).cancel()
    async with bed.engine.connect() as connection:
        stored = await read_after(connection, 0, 1_000)
    told = {type_of(message): message for event in stored if (message := publishable(event))}
    assert {"campaign.retry_ordered", "campaign.verify_ordered", "campaign.confirm_ordered"} <= told.keys()
    assert {"campaign.scheduled", "campaign.paused", "campaign.resumed", "campaign.cancelled"} <= told.keys()
    assert {"recipient.requeued", "recipient.cancelled"} <= told.keys()
    assert told["campaign.cancelled"].why == "enough"
    assert told["recipient.requeued"].due_at == to_time(told["recipient.requeued"].time.timestamp() * 1000)
