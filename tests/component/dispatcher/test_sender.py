"""The sender: what leaves, when, and what is committed before it leaves."""

import pytest

from contracts.delivery import MessageSent
from contracts.wire import SendRequest
from support.dispatching import NOON_MS, Bed, groups, report
from support.sending import Recorder, Slow, land, new_sender, rounds, step


async def test_the_start_is_committed_before_the_call(bed: Bed):
    seen = []

    async def look(request: SendRequest) -> None:
        [row] = await bed.fetch(
            "SELECT status, state->'attempts'->0->>'id', state->'attempts'->0->>'message_id' FROM recipient_status"
        )
        seen.append(row)
        assert row == ("processing", request.client_ref, request.message_id)

    await bed.create(groups(1))
    caller = Recorder(look=look)
    await rounds(bed, new_sender(bed, caller), 1)
    assert len(seen) == len(caller.called) == 1
    assert caller.keys == [caller.requests[0].client_ref]


async def test_one_message_each_gap_in_the_order_of_the_request(bed: Bed):
    jids = groups(4)
    await bed.create(jids)
    caller = Recorder()
    sender = new_sender(bed, caller, gap_seconds=0.5)
    for sent in range(1, 5):
        await step(sender)
        await land(sender)
        bed.clock.advance(0.499)
        await step(sender)
        assert caller.called == jids[:sent]
        bed.clock.advance(0.001)


async def test_a_campaign_may_ask_for_a_wider_gap_but_not_for_a_narrower_one(bed: Bed):
    await bed.create(groups(3), delay_seconds=2.0)
    caller = Recorder()
    sender = new_sender(bed, caller, gap_seconds=0.5)
    await rounds(bed, sender, 4)
    assert len(caller.called) == 1
    await step(sender)
    assert len(caller.called) == 2


async def test_a_campaign_with_a_wide_gap_does_not_hold_up_the_others_of_its_session(bed: Bed):
    slow, quick = groups(2, 1), groups(4, 11)
    await bed.create(slow, delay_seconds=60.0)
    caller = Recorder()
    sender = new_sender(bed, caller, gap_seconds=0.5)
    await rounds(bed, sender, 1)
    await bed.create(quick)
    await rounds(bed, sender, 5)
    assert caller.called == [slow[0], *quick]
    assert sender.sessions.wakes_at() == NOON_MS / 1000 + 60
    bed.clock.ms = NOON_MS + 60_000
    await rounds(bed, sender, 1)
    assert caller.called[-1] == slow[1]


async def test_the_wide_gap_of_a_campaign_is_kept_across_a_restart(bed: Bed):
    jids = groups(2)
    await bed.create(jids, delay_seconds=60.0)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller, "before"), 1)
    await bed.execute("UPDATE session_leases SET expires_at_ms = 0")
    restarted = new_sender(bed, caller, "after")
    await rounds(bed, restarted, 3)
    assert caller.called == jids[:1]
    bed.clock.ms = NOON_MS + 60_000
    await rounds(bed, restarted, 1)
    assert caller.called == jids


@pytest.mark.parametrize("lanes", [1, 2])
async def test_no_more_calls_are_under_way_on_a_session_than_it_has_lanes(bed: Bed, lanes: int):
    await bed.create(groups(5))
    slow = Slow()
    sender = new_sender(bed, slow, lanes=lanes)
    for _ in range(5):
        await step(sender)
        bed.clock.advance(0.5)
    assert len(slow.called) == lanes
    slow.may_answer.set()
    await land(sender)
    await step(sender)
    assert len(slow.called) > lanes
    await land(sender)


async def test_two_lanes_still_keep_the_gap_between_two_starts(bed: Bed):
    await bed.create(groups(5))
    slow = Slow()
    sender = new_sender(bed, slow, lanes=2)
    await step(sender)
    assert len(slow.called) == 1, "two messages left at once: the gap is the least time between two starts"
    slow.may_answer.set()
    await land(sender)


async def test_one_attempt_is_in_flight_per_session_and_recipient_across_campaigns(bed: Bed):
    [jid] = groups(1)
    first, second = await bed.create([jid]), await bed.create([jid])
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 3)
    assert caller.called == [jid]
    attempt = (await bed.recipient(first, jid)).attempts[0]
    await bed.tell(report(MessageSent, recipient=jid, message_id=attempt.message_id))
    await rounds(bed, sender, 1)
    assert caller.called == [jid, jid]
    assert await bed.statuses(second) == ["processing"]


async def test_the_same_recipient_through_another_session_does_not_wait(bed: Bed):
    [jid] = groups(1)
    await bed.create([jid], "wa_1")
    await bed.create([jid], "wa_2")
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 1)
    assert sorted(request.session_id for request in caller.requests) == ["wa_1", "wa_2"]


async def test_high_priority_goes_first_and_equals_take_turns(bed: Bed):
    normal, other = groups(2, 1), groups(2, 11)
    high = groups(2, 21)
    await bed.create(normal)
    await bed.create(other)
    await bed.create(high, priority="high")
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 6)
    assert caller.called[:2] == high
    assert {jid in normal for jid in caller.called[2:4]} == {True, False}
    assert sorted(caller.called) == sorted([*normal, *other, *high])
