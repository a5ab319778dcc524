"""The acceptance story: what was sent and what failed shows in the campaign and at each recipient, by HTTP alone."""

from contracts.events import CampaignFinished, CampaignRevised
from support.system import System

REFUSED = "Rate limit / community parent rejection"


async def refuse(system: System, session_id: str, jid: str, message_id: str | None) -> None:
    """Let WhatsApp refuse a message by an error ack."""
    body = {
        "event": "message_error",
        "sessionId": session_id,
        "messageId": message_id,
        "errorCode": 420,
        "errorMessage": REFUSED,
        "groupJid": jid,
    }
    answer = await system.vps.send_callback("message-error", body)
    assert answer.answer == "202", answer


async def test_two_sent_and_one_failed_is_partial_and_each_has_its_reason(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    first, second, third = groups
    await system.vps.put_recipients([third], fail=1.0)
    broadcast_id = await system.api.create(session_id, groups)

    campaign = await system.api.until_finished(broadcast_id)
    assert campaign.outcome == ("partial", 2, 1)
    assert (campaign.counts["sent"], campaign.counts["failed"], campaign.queued_count) == (2, 1, 0)

    rows = await system.api.recipients(broadcast_id)
    assert list(rows) == groups
    assert [row.status for row in rows.values()] == ["sent", "sent", "failed"]
    assert (rows[third].error_message, rows[third].vps_error) == ("Connection Closed", "Connection Closed")
    assert rows[third].attempt == 3
    assert rows[third].failed_at is not None
    assert rows[first].error_message is None
    assert rows[first].sent_at is not None

    ledger = await system.ledger(session_id)
    assert ledger.per_recipient == {first: 1, second: 1}
    assert {entry.recipient: entry.message_id for entry in ledger.items} == {
        jid: rows[jid].message_id for jid in (first, second)
    }


async def test_an_error_ack_for_one_of_the_sent_ones_revises_the_campaign_by_a_new_event(
    system: System,
) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    first, _, third = groups
    await system.vps.put_recipients([third], fail=1.0)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "partial", 2, 1)

    sent = await system.api.recipient(broadcast_id, first)
    await refuse(system, session_id, first, sent.message_id)
    await system.api.until_outcome(broadcast_id, "partial", 1, 2)

    refused = await system.api.recipient(broadcast_id, first)
    assert (refused.status, refused.error_code) == ("failed", 420)
    assert refused.error_message == f"Error 420: {REFUSED}"
    assert refused.vps_error == REFUSED

    await system.truth.until_relayed()
    told = [
        event
        for event in await system.bus.events(broadcast_id)
        if isinstance(event, CampaignFinished | CampaignRevised)
    ]
    assert [type(event) for event in told] == [CampaignFinished, CampaignRevised]
    assert [(event.status, event.sent_count, event.failed_count) for event in told] == [
        ("partial", 2, 1),
        ("partial", 1, 2),
    ]
    subjects = [
        subject for subject, _ in await system.bus.read("EVENTS", f"wa.event.campaign.*.{broadcast_id}")
    ]
    assert subjects[-1] == f"wa.event.campaign.revised.{broadcast_id}"


async def test_an_error_ack_turns_a_completed_campaign_to_partial_and_then_to_failed(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "completed", 2, 0)
    rows = await system.api.recipients(broadcast_id)

    await refuse(system, session_id, groups[0], rows[groups[0]].message_id)
    await system.api.until_outcome(broadcast_id, "partial", 1, 1)
    assert (await system.api.recipient(broadcast_id, groups[0])).error_message == f"Error 420: {REFUSED}"

    await refuse(system, session_id, groups[1], rows[groups[1]].message_id)
    await system.api.until_outcome(broadcast_id, "failed", 0, 2)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def test_when_all_fail_the_campaign_is_failed(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    await system.vps.put_recipients(groups, reject=1.0, reject_error="Not a WhatsApp account")
    broadcast_id = await system.api.create(session_id, groups)
    campaign = await system.api.until_finished(broadcast_id)
    assert campaign.outcome == ("failed", 0, 2)
    rows = await system.api.recipients(broadcast_id)
    assert [row.vps_error for row in rows.values()] == ["Not a WhatsApp account"] * 2
    assert all(row.error_message for row in rows.values())
    assert (await system.ledger(session_id)).sent == 0
