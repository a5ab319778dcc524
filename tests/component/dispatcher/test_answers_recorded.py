"""What the VPS's answers, and its silence, do to a message, to its session and to what leaves next."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from contracts.delivery import MessageErrored, MessageFailed, MessageSent, SessionReported
from dispatcher.answers import Accepted, Answer, NotTaken, Rejected, Unknown
from dispatcher.sending.sender import GIVE_UP_AFTER
from dispatcher.sending.vps import SwitchedOff
from support.dispatching import Bed, groups, report
from support.sending import Recorder, Slow, land, new_sender, rounds, step


async def test_switched_off_everything_happens_but_the_call_and_no_attempt_is_used_up(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    sender = new_sender(bed, SwitchedOff())
    for _ in range(3):
        await rounds(bed, sender, 1)
        bed.clock.advance(60)
    recipient = await bed.recipient(campaign_id, jid)
    assert (recipient.status, [attempt.number for attempt in recipient.attempts]) == ("queued", [1])
    assert recipient.next_number == 1


async def test_a_session_that_takes_nothing_rests_and_no_second_message_is_tried(bed: Bed):
    await bed.create(groups(3))
    caller = Recorder(NotTaken("the session is not connected", "not connected"))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 4)
    assert len(caller.called) == 1
    assert (await bed.session()).last_error == "not connected"
    bed.clock.advance(2)
    await rounds(bed, sender, 1)
    assert len(caller.called) == 2


async def test_a_slow_refusal_parks_the_session_before_the_next_message_leaves(bed: Bed):
    await bed.create(groups(3))
    slow = Slow(NotTaken("the session is not connected"))
    sender = new_sender(bed, slow)
    await step(sender)
    bed.clock.advance(5)
    slow.may_answer.set()
    await asyncio.wait(set(sender._calls), timeout=10)
    await step(sender)
    await land(sender)
    assert len(slow.called) == 1


async def test_a_parked_session_goes_on_when_the_vps_says_that_it_is_connected(bed: Bed):
    await bed.create(groups(1))
    caller = Recorder(NotTaken("the session is not connected"))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 2)
    await bed.tell(report(SessionReported, status="connected"))
    [(due_at_ms,)] = await bed.fetch("SELECT due_at_ms FROM send_queue")
    assert due_at_ms - bed.clock.ms < 2_001
    assert (await bed.session()).parked_until_ms is None


async def test_after_a_429_nothing_leaves_before_its_time_although_the_vps_says_connected(bed: Bed):
    await bed.create(groups(2))
    caller = Recorder(NotTaken("the VPS takes no more messages now", wait_ms=3_600_000))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    await bed.tell(report(SessionReported, status="connected"))
    caller.answer = Accepted()
    bed.clock.advance(3_598)
    await rounds(bed, sender, 2)
    assert len(caller.called) == 1
    bed.clock.advance(1)
    await rounds(bed, sender, 3)
    assert len(caller.called) == 3
    assert (await bed.session()).parks == 0


async def test_a_restricted_session_sends_nothing_more(bed: Bed):
    jids = groups(3)
    campaign_id = await bed.create(jids)
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    attempt = (await bed.recipient(campaign_id, jids[0])).attempts[0]
    await bed.tell(
        report(MessageErrored, message_id=attempt.message_id, error_code=463, error_message="restricted")
    )
    bed.clock.advance(3_600)
    await rounds(bed, sender, 3)
    assert caller.called == jids[:1]
    assert await bed.statuses(campaign_id) == ["failed", "queued", "queued"]


async def test_each_answer_is_recorded(bed: Bed):
    accepted, sent, rejected, lost = jids = groups(4)
    campaign_id = await bed.create(jids)
    caller = Recorder()
    caller.answers = {
        sent: Accepted("3EB0OLD"),
        rejected: Rejected("rejected by the VPS", "no\x00such group"),
        lost: Unknown("the VPS did not answer in time"),
    }
    await rounds(bed, new_sender(bed, caller), 4)
    assert await bed.statuses(campaign_id) == ["processing", "sent", "failed", "unconfirmed"]
    failure = (await bed.recipient(campaign_id, rejected)).standing_failure
    assert failure is not None
    assert failure.vps_error == "no\ufffdsuch group"
    assert (await bed.recipient(campaign_id, sent)).attempts[0].message_id == "3EB0OLD"
    assert (await bed.recipient(campaign_id, accepted)).attempts[0].accepted_at_ms is not None


async def test_a_callback_that_comes_before_the_answer_stands(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    slow = Slow(Unknown("timeout"))
    sender = new_sender(bed, slow)
    await step(sender)
    await bed.tell(report(MessageSent, recipient=jid, client_ref=slow.requests[0].client_ref))
    slow.may_answer.set()
    await land(sender)
    assert await bed.statuses(campaign_id) == ["sent"]


async def test_a_backoff_is_honoured_across_a_restart(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller, "before"), 1)
    failed_at_ms = bed.clock.ms
    told = report(
        MessageFailed, failed_at_ms, recipient=jid, client_ref=caller.requests[0].client_ref, error="closed"
    )
    await bed.tell(told)
    await bed.execute("UPDATE session_leases SET expires_at_ms = 0")
    restarted = new_sender(bed, caller, "after")
    bed.clock.ms = failed_at_ms + 58_000
    await rounds(bed, restarted, 3)
    assert (len(caller.called), await bed.statuses(campaign_id)) == (1, ["queued"])
    assert restarted.sessions.wakes_at() == (failed_at_ms + 60_000) / 1000
    bed.clock.ms = failed_at_ms + 60_000
    await rounds(bed, restarted, 1)
    assert len(caller.called) == 2
    assert UUID(caller.requests[1].client_ref) != UUID(caller.requests[0].client_ref)


async def test_answers_of_a_turn_that_could_not_be_committed_are_recorded_by_the_next(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    sender = new_sender(bed, Recorder())
    await step(sender)
    await bed.execute("ALTER TABLE events RENAME TO away")
    with pytest.raises(DBAPIError):
        await land(sender)
    await bed.execute("ALTER TABLE away RENAME TO events")
    await land(sender)
    assert (await bed.recipient(campaign_id, jid)).attempts[0].accepted_at_ms is not None


async def test_answers_that_nothing_can_commit_are_given_up_at_last_so_that_the_others_go_on(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    sender = new_sender(bed, Recorder())
    await step(sender)
    await bed.execute("ALTER TABLE events RENAME TO away")
    for _ in range(GIVE_UP_AFTER):
        with pytest.raises(DBAPIError):
            await land(sender)
    await bed.execute("ALTER TABLE away RENAME TO events")
    await land(sender)
    recipient = await bed.recipient(campaign_id, jid)
    assert (recipient.status, recipient.attempts[0].accepted_at_ms) == ("processing", None)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Rejected("rejected by the VPS", "972501234567 is no number"), "[WA_SEND] rejected"),
        (NotTaken("the session is not connected"), "[WA_SEND] not taken"),
        (Unknown("the VPS did not answer in time"), "[WA_SEND] unknown"),
    ],
)
async def test_an_answer_that_is_not_well_is_logged_by_ids_alone(
    bed: Bed, caplog: pytest.LogCaptureFixture, answer: Answer, told: str
):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    caller = Recorder(answer)
    with caplog.at_level("INFO"):
        await rounds(bed, new_sender(bed, caller), 1)
    [line] = [record.getMessage() for record in caplog.records if told in record.getMessage()]
    assert f"broadcast_id={campaign_id} " in line
    assert f"id={caller.requests[0].client_ref} " in line
    assert jid not in caplog.text
    assert "972501234567" not in caplog.text, "the VPS's own words may hold a phone"
