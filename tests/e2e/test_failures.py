"""What each failure of the VPS means (the wire contract's table), end to end: status, attempts used, and the ledger."""

from datetime import timedelta

import pytest

from support.api import Campaign, Recipient, Step
from support.system import System

PLAIN_FAILURE = "Connection Closed"


async def send_one(system: System, **knobs: float | str | bool) -> tuple[str, str, str]:
    """Send to one group that the VPS treats like this; return session, group and broadcast_id."""
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], **knobs)
    return session_id, jid, await system.api.create(session_id, [jid])


async def finished(system: System, broadcast_id: str, jid: str) -> tuple[Campaign, Recipient, list[Step]]:
    """Wait for the end of a campaign to one group; return it, the recipient and what happened to it."""
    await system.api.until_finished(broadcast_id)
    await system.until_quiet()
    campaign, recipient = (
        await system.api.campaign(broadcast_id),
        await system.api.recipient(broadcast_id, jid),
    )
    return campaign, recipient, await system.api.history(broadcast_id, jid)


def statuses(steps: list[Step]) -> list[str]:
    """Every status that a recipient was in, in order, each once in a row."""
    found: list[str] = []
    for step in steps:
        if found[-1:] != [step.status]:
            found.append(step.status)
    return found


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"refuse_401": 1.0}, "the VPS refused our key"),
        ({"refuse_429": 1.0, "retry_after_s": 1}, "the VPS takes no more messages now"),
        ({"refuse_503": 1.0}, "the session is not connected"),
    ],
    ids=["401", "429", "503"],
)
async def test_what_was_certainly_not_taken_is_sent_later_and_uses_no_attempt(
    system: System, knobs: dict[str, float], words: str
) -> None:
    session_id, jid, broadcast_id = await send_one(system, **knobs, only_first=2)
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt, recipient.error_message) == ("sent", 1, None)
    events = [step.event for step in steps]
    assert events.count("recipient.not_taken") == 2
    assert steps[events.index("recipient.not_taken")].details["reason"] == words
    assert "sent" not in statuses(steps)[:-1]
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_429_is_not_tried_again_before_its_retry_after(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(system, refuse_429=1.0, retry_after_s=2, only_first=1)
    _, _, steps = await finished(system, broadcast_id, jid)
    first, second = [step for step in steps if step.event == "recipient.started"]
    assert second.at - first.at >= timedelta(seconds=2), steps
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_a_refused_connection_parks_the_session_until_the_vps_is_there(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    system.vps_process.stop()
    broadcast_id = await system.api.create(session_id, [jid])
    steps = await system.api.until_step(broadcast_id, jid, "recipient.not_taken")
    assert "sent" not in statuses(steps)
    await system.start("simulator")
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert recipient.attempt == 1
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_a_disconnected_session_is_never_shown_as_sent_and_goes_on_when_it_is_connected(
    system: System,
) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    await system.vps.set_state(
        session_id, "opening"
    )  # a word that we do not know does not keep us from accepting
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_step(broadcast_id, groups[0], "recipient.not_taken")
    await system.vps.set_state(session_id, "disconnected")
    assert (await system.api.campaign(broadcast_id)).sent_count == 0
    await system.vps.set_state(session_id, "connected")
    campaign = await system.api.until_finished(broadcast_id)
    assert campaign.outcome == ("completed", 3, 0)
    for jid in groups:
        steps = await system.api.history(broadcast_id, jid)
        assert statuses(steps).count("sent") == 1
        assert (await system.api.recipient(broadcast_id, jid)).attempt == 1
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


@pytest.mark.parametrize("knob", ["refuse_400", "reject"])
async def test_a_rejection_fails_at_once_and_keeps_the_words_of_the_vps(system: System, knob: str) -> None:
    words = {"reject_error": "Not a WhatsApp account"}
    session_id, jid, broadcast_id = await send_one(system, **{knob: 1.0}, **words)
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("failed", 0, 1)
    assert (recipient.attempt, recipient.vps_error) == (1, "Not a WhatsApp account")
    assert recipient.error_message == "rejected by the VPS"
    assert (await system.ledger(session_id)).sent == 0


@pytest.mark.parametrize("knob", ["lose_answer", "reset_after", "proxy_502_after", "unreadable"])
async def test_an_unknown_outcome_is_unconfirmed_until_the_callback_settles_it(
    system: System, knob: str
) -> None:
    session_id, jid, broadcast_id = await send_one(system, **{knob: 1.0}, hold=1.0, message_status=False)
    await system.api.until_step(broadcast_id, jid, "recipient.held")
    assert (await system.api.recipient(broadcast_id, jid)).status == "unconfirmed"
    assert (await system.api.campaign(broadcast_id)).status == "running"
    await system.vps.release_burst()
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt) == ("sent", 1)
    assert statuses(steps) == ["queued", "processing", "unconfirmed", "sent"]
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


@pytest.mark.parametrize("knob", ["reset_before", "proxy_502_before"])
async def test_an_unknown_outcome_that_the_vps_knows_nothing_of_is_sent_again_once(
    system: System, knob: str
) -> None:
    session_id, jid, broadcast_id = await send_one(system, **{knob: 1.0}, only_first=1)
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt) == ("sent", 2)
    assert statuses(steps) == ["queued", "processing", "unconfirmed", "queued", "processing", "sent"]
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_a_lost_answer_to_what_was_never_sent_is_sent_again_once(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(system, lose_answer=1.0, swallow=1.0, only_first=1)
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt) == ("sent", 2)
    assert "unconfirmed" in statuses(steps)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_message_failed_is_retried_and_the_retry_is_what_counts(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(system, fail=1.0, only_first=1)
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt, recipient.error_message) == ("sent", 2, None)
    assert "failed" not in statuses(steps)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_message_failed_until_the_attempts_are_used_up_is_failed(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(system, fail=1.0)
    campaign, recipient, steps = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("failed", 0, 1)
    assert (recipient.attempt, recipient.error_message) == (3, PLAIN_FAILURE)
    assert [step.event for step in steps].count("recipient.started") == 3
    assert (await system.ledger(session_id)).sent == 0


@pytest.mark.parametrize("code", [420, 499])
async def test_an_error_ack_that_forbids_a_retry_fails_for_good(system: System, code: int) -> None:
    session_id, jid, broadcast_id = await send_one(
        system, error_ack=1.0, error_code=code, error_message="no", error_first=1.0
    )
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("failed", 0, 1)
    assert (recipient.error_code, recipient.error_message) == (code, f"Error {code}: no")
    assert recipient.attempt == 1
    assert (await system.ledger(session_id)).refused == 1


async def test_479_is_retried_once_at_the_most(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(system, error_ack=1.0, error_code=479, error_first=1.0)
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("failed", 0, 1)
    assert (recipient.attempt, recipient.error_code) == (2, 479)
    ledger = await system.ledger(session_id)
    assert (ledger.sent, ledger.refused) == (2, 2)


async def test_479_is_sent_when_the_retry_works(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(
        system, error_ack=1.0, error_code=479, error_first=1.0, only_first=1
    )
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt) == ("sent", 2)
    assert (await system.ledger(session_id)).sent_twice == []


async def test_463_stops_the_session_and_its_other_recipients_stay_queued(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    await system.vps.put_recipients(groups[:1], error_ack=1.0, error_code=463, error_first=1.0)
    first = await system.api.create(session_id, groups[:1])
    campaign = await system.api.until_finished(first)
    assert campaign.outcome == ("failed", 0, 1)
    assert (await system.api.recipient(first, groups[0])).error_code == 463

    second = await system.api.create(session_id, groups[1:])
    other_session, other_groups = system.new_session(), system.new_groups(1)
    await system.api.until_finished(await system.api.create(other_session, other_groups))
    await system.until_quiet()
    assert (await system.api.campaign(second)).counts["queued"] == 2
    assert (await system.ledger(session_id)).per_recipient == {groups[0]: 1}


async def test_421_lets_the_session_rest_and_is_then_sent_again(system: System) -> None:
    session_id, jid, broadcast_id = await send_one(
        system, error_ack=1.0, error_code=421, error_first=1.0, only_first=1
    )
    campaign, recipient, _ = await finished(system, broadcast_id, jid)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.status, recipient.attempt) == ("sent", 2)
    assert (await system.ledger(session_id)).sent_twice == []
