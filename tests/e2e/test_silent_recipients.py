"""Messages of which nobody tells what became: they are looked up, held for the operator, and never guessed."""

from support.callbacks import Message, now_ms, tell
from support.eventually import eventually
from support.system import System

SILENT = {"silent": True}
"""Sent, and no callback of any kind."""


async def send(system: System, session_id: str, **knobs: float | str | bool) -> tuple[str, str]:
    """Send to one group that the VPS treats like this; return group and broadcast_id."""
    (jid,) = system.new_groups(1)
    await system.vps.put_recipients([jid], **knobs)
    return jid, await system.api.create(session_id, [jid])


async def until_written(system: System, session_id: str, jid: str) -> None:
    """Wait until the VPS has really sent a message to a group."""

    async def written() -> bool:
        return jid in (await system.ledger(session_id)).per_recipient

    await eventually(written)


async def test_a_silent_recipient_is_looked_up_and_settled_without_a_second_send(system: System) -> None:
    session_id = system.new_session()
    jid, broadcast_id = await send(system, session_id, **SILENT)
    campaign = await system.api.until_finished(broadcast_id)
    recipient = await system.api.recipient(broadcast_id, jid)
    steps = await system.api.history(broadcast_id, jid)
    ledger = await system.ledger(session_id)
    assert campaign.outcome == ("completed", 1, 0)
    assert (recipient.attempt, recipient.message_id) == (1, ledger.items[0].message_id)
    assert "unconfirmed" in [step.status for step in steps]
    assert (steps[-1].event, steps[-1].details["source"]) == ("recipient.sent", "lookup")
    assert ledger.per_recipient == {jid: 1}


async def test_a_silent_recipient_of_a_vps_with_its_own_ids_is_settled_by_the_time_of_the_send(
    system: System,
) -> None:
    session_id = system.new_session()
    jid, broadcast_id = await send(system, session_id, **SILENT, honour_message_id=False)
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    ledger = await system.ledger(session_id)
    assert (await system.api.recipient(broadcast_id, jid)).message_id == ledger.items[0].message_id
    assert ledger.per_recipient == {jid: 1}


async def test_where_the_vps_cannot_tell_it_is_held_and_the_campaign_stays_running(system: System) -> None:
    session_id = system.new_session()
    jid, broadcast_id = await send(system, session_id, **SILENT, message_status=False)
    await system.api.until_step(broadcast_id, jid, "recipient.held")
    _, later_id = await send(system, session_id, **SILENT)
    await system.api.until_finished(later_id)  # so a second deadline has passed since, and others go on
    recipient = await system.api.recipient(broadcast_id, jid)
    campaign = await system.api.campaign(broadcast_id)
    assert (recipient.status, recipient.attempt) == ("unconfirmed", 1)
    assert (campaign.outcome, campaign.counts["unconfirmed"]) == (("running", 0, 0), 1)
    assert (await system.ledger(session_id)).per_recipient[jid] == 1

    await tell(system.vps, Message(session_id, jid, recipient.message_id).sent(now_ms()))
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient[jid] == 1


async def test_what_a_restarted_vps_forgot_is_held_and_not_sent_twice(system: System) -> None:
    session_id = system.new_session()
    witness, witness_id = await send(system, session_id)
    await system.api.until_outcome(witness_id, "completed", 1, 0)
    jid, broadcast_id = await send(system, session_id, **SILENT)
    await until_written(system, session_id, jid)
    await system.vps.restart()
    steps = await system.api.until_step(broadcast_id, jid, "recipient.held")
    assert steps[-1].details["reason"] == "the VPS has forgotten what it sent"

    _, later_id = await send(system, session_id, **SILENT)
    await system.api.until_finished(later_id)
    assert (await system.api.recipient(broadcast_id, jid)).status == "unconfirmed"
    assert (await system.api.campaign(broadcast_id)).status == "running"
    per_recipient = (await system.ledger(session_id)).per_recipient
    assert (per_recipient[witness], per_recipient[jid]) == (1, 1)


async def test_what_was_never_sent_is_sent_again_once(system: System) -> None:
    session_id = system.new_session()
    jid, broadcast_id = await send(system, session_id, swallow=1.0, only_first=1)
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    await system.until_quiet()
    assert (await system.api.recipient(broadcast_id, jid)).attempt == 2
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}
