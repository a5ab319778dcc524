"""Other ways of sending: a VPS that answers synchronously, and campaigns that share a session and a group."""

import pytest

from contracts.events import RecipientSent, RecipientStarted
from support.system import System

SETTINGS = {"VPS_TIMEOUT_S": "3", "CALLBACK_DEADLINE_S": "30"}


@pytest.mark.parametrize("honour_message_id", [True, False], ids=["our-id", "its-own-id"])
@pytest.mark.parametrize("callback_too", [False, True], ids=["answer-alone", "callback-too"])
async def test_the_answer_of_a_synchronous_vps_counts_as_sent(
    system: System, honour_message_id: bool, callback_too: bool
) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    await system.vps.put_recipients(
        groups, synchronous=True, synchronous_callback=callback_too, honour_message_id=honour_message_id
    )
    broadcast_id = await system.api.create(session_id, groups)
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 3, 0)
    await system.until_quiet()
    rows = await system.api.recipients(broadcast_id)
    ledger = await system.ledger(session_id)
    assert {entry.recipient: entry.message_id for entry in ledger.items} == {
        jid: row.message_id for jid, row in rows.items()
    }
    assert {(row.status, row.attempt) for row in rows.values()} == {("sent", 1)}
    assert ledger.per_recipient == dict.fromkeys(groups, 1)


async def test_a_second_campaign_to_the_same_group_waits_for_the_callback_of_the_first(
    system: System,
) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    own_ids = {"honour_message_id": False, "echo_client_ref": False}
    await system.vps.put_recipients([jid], callback_min_ms=500, callback_max_ms=500, **own_ids)
    ids = [await system.api.create(session_id, [jid], message=f"number {number}") for number in range(2)]
    for broadcast_id in ids:
        assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    await system.truth.until_relayed()
    first, second = [await system.bus.events(broadcast_id) for broadcast_id in ids]
    (sent,) = [event for event in first if isinstance(event, RecipientSent)]
    (started,) = [event for event in second if isinstance(event, RecipientStarted)]
    assert sent.position < started.position
    assert [entry.text for entry in (await system.ledger(session_id)).items] == ["number 0", "number 1"]


async def test_other_groups_of_the_second_campaign_do_not_wait(system: System) -> None:
    session_id, (shared, free) = system.new_session(), system.new_groups(2)
    await system.vps.put_recipients([shared], hold=1.0)
    first = await system.api.create(session_id, [shared])
    second = await system.api.create(session_id, [shared, free])
    await system.api.until_step(second, free, "recipient.sent")
    assert (await system.api.recipient(first, shared)).status == "processing", "it is still under way"
    await system.vps.put_recipients([shared])
    await system.vps.release_burst()
    for broadcast_id in (first, second):
        await system.api.until_finished(broadcast_id)
