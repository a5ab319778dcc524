"""Reports that nobody can place yet wait durably, and are applied in the transaction that makes them fit."""

from uuid import UUID

import pytest

from contracts.delivery import (
    MemberJoined,
    MessageDelivered,
    MessageErrored,
    MessageFailed,
    MessageSent,
    SessionReported,
    UnknownReported,
)
from dispatcher.domain import recipient_commands as command
from dispatcher.handling import Cause, batch
from support.dispatching import NOON_MS, RULES, Bed, groups, report
from support.sending import Recorder, new_sender, rounds

OWN_ID = "3EB0CHOSENBYTHEVPS"


async def parked(bed: Bed) -> list[str]:
    rows = await bed.fetch("SELECT reason FROM parked_reports ORDER BY id")
    return [reason for (reason,) in rows]


async def test_an_error_ack_before_its_message_sent_waits_and_then_counts(bed: Bed):
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    await bed.tell(report(MessageErrored, message_id=OWN_ID, error_code=420, error_message="community"))
    assert (await parked(bed), await bed.statuses(campaign_id)) == (["not_yet_known"], ["processing"])
    await bed.tell(report(MessageSent, recipient=jid, message_id=OWN_ID))
    assert (await parked(bed), await bed.statuses(campaign_id)) == ([], ["failed"])


async def test_what_was_parked_counts_in_the_transaction_that_makes_it_known(bed: Bed):
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    await bed.tell(report(MessageErrored, message_id=OWN_ID, error_code=420, error_message="community"))
    await bed.tell(report(MessageSent, recipient=jid, message_id=OWN_ID))
    [row] = await bed.fetch(
        "SELECT count(DISTINCT xmin::text), count(*) FROM events"
        " WHERE type IN ('recipient.sent', 'recipient.errored', 'campaign.finished')"
    )
    assert row == (1, 3)
    assert (await bed.campaign(campaign_id)).campaign.status == "failed"


async def test_both_in_one_batch_and_in_the_wrong_order_count_without_being_parked(bed: Bed):
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    error = report(MessageErrored, message_id=OWN_ID, error_code=420, error_message="no")
    await bed.tell(error, report(MessageSent, recipient=jid, message_id=OWN_ID))
    assert (await parked(bed), await bed.statuses(campaign_id)) == ([], ["failed"])


async def test_a_parked_error_ack_puts_its_session_to_rest_in_the_batch_that_makes_it_known(bed: Bed):
    """That batch has nothing else to do with the session, which is known already."""
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    await bed.tell(report(MessageErrored, message_id=OWN_ID, error_code=428, error_message="connection lost"))
    await bed.tell(report(MessageSent, recipient=jid, message_id=OWN_ID))
    assert (await parked(bed), await bed.statuses(campaign_id)) == ([], ["queued"])
    assert (await bed.session()).parked_until_ms is not None
    assert (await bed.session()).tenant == "acme"


async def test_a_callback_for_ids_that_the_sender_has_yet_to_reserve_counts_when_it_does(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    await bed.tell(report(MessageSent, recipient=jid, client_ref=str(UUID(int=1))))
    assert await parked(bed) == ["not_yet_known"]
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 1)
    assert caller.requests[0].client_ref == str(UUID(int=1))
    assert (await parked(bed), await bed.statuses(campaign_id)) == ([], ["sent"])


async def test_the_same_unknown_report_is_parked_once(bed: Bed):
    told = report(MessageDelivered, recipient=groups(1)[0], message_id=OWN_ID, reader="9198")
    await bed.tell(told, told)
    await bed.tell(told)
    assert await parked(bed) == ["not_yet_known"]


async def test_more_than_one_open_attempt_is_ambiguous_and_nothing_is_guessed(bed: Bed):
    [jid] = groups(1)
    first, _ = await bed.begin([jid])
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        await handling.load(connection, [(first, jid)])
        for wish in (command.Expire(bed.clock.ms, 1), command.Hold(bed.clock.ms, 1, "cannot tell")):
            handling.tell_recipient((first, jid), wish, Cause("story"))
    second, _ = await bed.begin([jid])
    await bed.tell(report(MessageFailed, recipient=jid, error="closed"))
    assert await parked(bed) == ["ambiguous"]
    assert await bed.statuses(first) + await bed.statuses(second) == ["unconfirmed", "processing"]


async def test_a_failure_that_is_told_again_does_not_fail_the_next_campaigns_message(bed: Bed):
    [jid] = groups(1)
    first, _ = await bed.begin([jid])
    failure = report(MessageFailed, recipient=jid, error="closed")
    await bed.tell(failure, failure)
    second, _ = await bed.begin([jid])
    await bed.tell(failure)
    assert await bed.statuses(first) + await bed.statuses(second) == ["queued", "processing"]
    assert await parked(bed) == []


async def test_an_unknown_reference_does_not_fall_through_to_the_open_attempt(bed: Bed):
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    await bed.tell(report(MessageFailed, recipient=jid, client_ref=str(UUID(int=99)), error="closed"))
    assert (await parked(bed), await bed.statuses(campaign_id)) == (["not_yet_known"], ["processing"])


async def test_a_reference_that_is_no_uuid_is_parked_like_any_unknown_one(bed: Bed):
    await bed.begin(groups(1))
    await bed.tell(report(MessageSent, recipient=groups(1)[0], client_ref="mine-1"))
    assert await parked(bed) == ["not_yet_known"]


async def test_what_is_about_no_message_is_kept_aside(bed: Bed):
    await bed.tell(
        report(MemberJoined, recipient=groups(1)[0], participant="9198"),
        report(UnknownReported, hook="send-callback", event="message_pinned", body="{}"),
        report(SessionReported, status="connected"),
    )
    assert await parked(bed) == ["no_place_yet", "no_place_yet"]
    assert (await bed.session()).status == "connected"


@pytest.mark.parametrize("field", ["message_id", "session_id", "client_ref", "recipient"])
async def test_a_nul_in_a_report_does_not_stop_the_batch(bed: Bed, field: str):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    odd = {"recipient": "120363000000000099@g.us", "message_id": None, field: "a\x00b"}
    await bed.tell(
        report(MessageSent, **odd),
        report(MessageSent, recipient=jid, message_id=attempts[jid].message_id),
    )
    assert await bed.statuses(campaign_id) == ["sent"]


async def test_a_reader_counts_once_even_if_the_batch_itself_makes_the_message_known(bed: Bed):
    """The reader was seen on attempt 1; attempt 2 gets its id and its receipt in one batch."""
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    reader = {"recipient": jid, "reader": "919812345678"}
    await bed.tell(report(MessageFailed, recipient=jid, error="closed"))
    bed.clock.advance(60)
    await bed.start(campaign_id, [jid])
    await bed.tell(report(MessageDelivered, message_id=attempts[jid].message_id, **reader))
    await bed.tell(
        report(MessageSent, NOON_MS + 61_000, recipient=jid, message_id=OWN_ID),
        report(MessageDelivered, NOON_MS + 62_000, message_id=OWN_ID, **reader),
    )
    assert (await bed.recipient(campaign_id, jid)).delivered_count == 1


async def test_a_late_failure_of_what_was_not_taken_waits_and_does_not_fail_the_next_attempt(bed: Bed):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        await handling.load(connection, [(campaign_id, jid)])
        not_taken = command.RecordNotTaken(bed.clock.ms, 1, "503", None, bed.clock.ms + 2_000)
        handling.tell_recipient((campaign_id, jid), not_taken, Cause("story"))
    bed.clock.advance(2)
    again = (await bed.start(campaign_id, [jid]))[jid]
    about = {"recipient": jid, "client_ref": attempts[jid].id, "message_id": attempts[jid].message_id}
    await bed.tell(report(MessageFailed, bed.clock.ms, error="Connection Closed", **about))
    assert (await parked(bed), await bed.statuses(campaign_id)) == (["not_yet_known"], ["processing"])
    await bed.tell(report(MessageFailed, bed.clock.ms, error="closed", recipient=jid, client_ref=again.id))
    assert (await parked(bed), await bed.statuses(campaign_id)) == (["not_yet_known"], ["queued"])
