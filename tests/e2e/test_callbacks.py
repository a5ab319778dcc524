"""Callbacks that come too early, twice, late or in the wrong order: the end is the same."""

import msgspec
import pytest

from contracts.delivery import Report
from support.callbacks import Message, now_ms, tell
from support.system import System

SETTINGS = {"VPS_TIMEOUT_S": "3", "CALLBACK_DEADLINE_S": "30"}

OURS: dict[str, bool] = {}
"""A VPS that uses our message id and echoes our reference."""
ITS_OWN = {"honour_message_id": False, "echo_client_ref": False}
"""A VPS that has its own ids and echoes nothing."""

ids = pytest.mark.parametrize("build", [OURS, ITS_OWN], ids=["our-ids", "its-own-ids"])


async def send(system: System, count: int = 1, **knobs: float | str | bool) -> tuple[str, list[str], str]:
    """Send to groups that the VPS treats like this; return session, groups and broadcast_id."""
    session_id, groups = system.new_session(), system.new_groups(count)
    await system.vps.put_recipients(groups, **knobs)
    return session_id, groups, await system.api.create(session_id, groups)


@ids
async def test_a_callback_that_comes_before_the_answer_to_send_settles_it(
    system: System, build: dict[str, bool]
) -> None:
    session_id, (jid,), broadcast_id = await send(system, early=1.0, answer_delay_ms=300, **build)
    campaign = await system.api.until_finished(broadcast_id)
    await system.until_quiet()
    recipient = await system.api.recipient(broadcast_id, jid)
    events = [step.event for step in await system.api.history(broadcast_id, jid)]
    ledger = await system.ledger(session_id)
    assert campaign.outcome == ("completed", 1, 0)
    assert events == ["recipient.queued", "recipient.started", "recipient.sent"]
    assert (recipient.attempt, recipient.message_id) == (1, ledger.items[0].message_id)
    assert ledger.per_recipient == {jid: 1}


async def test_a_callback_that_comes_while_the_answer_gets_lost_settles_it(system: System) -> None:
    session_id, (jid,), broadcast_id = await send(system, early=1.0, lose_answer=1.0)
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)
    next_group = system.new_groups(1)
    await system.api.until_finished(await system.api.create(session_id, next_group))
    steps = await system.api.history(broadcast_id, jid)
    assert [step.status for step in steps] == ["queued", "processing", "sent"]
    assert (await system.ledger(session_id)).per_recipient == {jid: 1, next_group[0]: 1}


@ids
@pytest.mark.parametrize("early", [0.0, 1.0], ids=["after-the-answer", "before-the-answer"])
async def test_an_error_ack_that_comes_before_its_message_sent_stands(
    system: System, build: dict[str, bool], early: float
) -> None:
    refusal = {"error_ack": 1.0, "error_code": 420, "error_message": "no", "error_first": 1.0}
    session_id, (jid,), broadcast_id = await send(
        system, **refusal, error_delay_ms=300, early=early, answer_delay_ms=100, **build
    )
    campaign = await system.api.until_finished(broadcast_id)
    await system.until_quiet()
    recipient = await system.api.recipient(broadcast_id, jid)
    assert campaign.outcome == ("failed", 0, 1)
    assert (recipient.status, recipient.attempt) == ("failed", 1)
    assert (recipient.error_code, recipient.error_message) == (420, "Error 420: no")
    assert (await system.api.campaign(broadcast_id)).outcome == ("failed", 0, 1)
    assert (await system.ledger(session_id)).refused == 1
    assert await system.truth.fetch("SELECT id FROM parked_reports WHERE session_id = $1", session_id) == []


async def test_doubled_late_and_reordered_callbacks_count_once(system: System) -> None:
    trouble = {"duplicate": 1.0, "copies": 3, "reorder": 1.0, "late": 0.3, "late_ms": 1500}
    session_id, groups, broadcast_id = await send(
        system, 20, **trouble, delivered_readers=2, read_readers=2, reactors=1
    )
    await system.api.until_finished(broadcast_id)
    await system.until_quiet()
    campaign = await system.api.campaign(broadcast_id)
    rows = await system.api.recipients(broadcast_id)
    assert campaign.outcome == ("completed", 20, 0)
    assert {(row.status, row.attempt) for row in rows.values()} == {("read", 1)}
    counts = {(row.delivered_count, row.read_count, row.reaction_count) for row in rows.values()}
    assert counts == {(2, 2, 1)}
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def test_reports_that_the_broker_delivers_again_in_reverse_change_nothing(system: System) -> None:
    session_id, groups, broadcast_id = await send(system, 3, delivered_readers=2, read_readers=1, reactors=2)
    failing, (refused,), other_id = await send(system, error_ack=1.0)
    await system.api.until_finished(broadcast_id)
    await system.api.until_outcome(other_id, "failed", 0, 1)
    await system.until_quiet()
    before = [await told(system, each) for each in (broadcast_id, other_id)]

    stored = await system.bus.read("DELIVERIES", ">")
    ours = [
        (subject, body)
        for subject, body in stored
        if msgspec.json.decode(body, type=Report).session_id in (session_id, failing)
    ]
    assert len(ours) == 3 * (1 + 2 + 1 + 2) + 2
    for subject, body in reversed(ours):
        await system.bus.publish(subject, body)
    await system.until_quiet()
    assert [await told(system, each) for each in (broadcast_id, other_id)] == before
    assert (await system.ledger(failing)).per_recipient == {refused: 1}
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def told(system: System, broadcast_id: str) -> tuple[object, ...]:
    """All that is known of a campaign: the API's answers, and the events of the store."""
    campaign, rows = await system.api.campaign(broadcast_id), await system.api.recipients(broadcast_id)
    return campaign, rows, await system.truth.events(broadcast_id)


async def test_read_delivered_and_sent_in_reverse_end_as_read(system: System) -> None:
    session_id, (jid,), broadcast_id = await send(system, silent=True)
    await system.api.until_step(broadcast_id, jid, "recipient.accepted")
    started = next(
        step for step in await system.api.history(broadcast_id, jid) if step.event == "recipient.started"
    )
    message = Message(session_id, jid, started.details["message_id"])
    at_ms = now_ms()
    read = message.receipt("read", "919812345678", at_ms + 2)
    delivered = message.receipt("delivered", "919812345678", at_ms + 1)
    await tell(system.vps, read, delivered, message.sent(at_ms))
    await system.until_quiet()
    recipient = await system.api.recipient(broadcast_id, jid)
    assert (recipient.status, recipient.delivered_count, recipient.read_count) == ("read", 1, 1)
    assert None not in (recipient.sent_at, recipient.delivered_at, recipient.read_at)
    assert (await system.api.campaign(broadcast_id)).outcome == ("completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_a_late_failure_of_the_first_attempt_cannot_fail_the_second(system: System) -> None:
    session_id, (jid,), broadcast_id = await send(system, fail=1.0, only_first=1)
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)
    started = [
        step.details
        for step in await system.api.history(broadcast_id, jid)
        if step.event == "recipient.started"
    ]
    first = Message(session_id, jid, started[0]["message_id"])
    await tell(system.vps, first.failed("Connection Closed", now_ms()), first.refused(420, "no"))
    await system.until_quiet()
    recipient = await system.api.recipient(broadcast_id, jid)
    assert (recipient.status, recipient.attempt, recipient.error_message) == ("sent", 2, None)
    assert (await system.api.campaign(broadcast_id)).outcome == ("completed", 1, 0)
