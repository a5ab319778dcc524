"""UNCONFIRMED_POLICY=resend: where the VPS cannot tell, the message is sent again, under the same ids."""

from support.system import System

SETTINGS = {"UNCONFIRMED_POLICY": "resend", "CALLBACK_DEADLINE_S": "3"}


async def test_it_is_sent_again_with_the_same_message_id_and_idempotency_key(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients(
        [jid], drop_callback=1.0, only_first=1, message_status=False, honour_idempotency_key=False
    )
    broadcast_id = await system.api.create(session_id, [jid])
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    first, second = (await system.ledger(session_id)).items
    assert first.idempotency_key is not None
    assert (first.message_id, first.idempotency_key) == (second.message_id, second.idempotency_key)
    assert (await system.api.recipient(broadcast_id, jid)).attempt == 2


async def test_a_vps_that_knows_the_key_sends_it_once_and_the_last_attempt_waits_for_its_callback(
    system: System,
) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], hold=1.0, message_status=False)
    broadcast_id = await system.api.create(session_id, [jid])
    held = (await system.api.until_step(broadcast_id, jid, "recipient.held"))[-1]
    assert (held.status, held.details["attempt"]) == ("unconfirmed", 3)
    await system.vps.release_burst()
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_what_the_vps_can_tell_is_not_sent_again(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], silent=True, honour_idempotency_key=False)
    broadcast_id = await system.api.create(session_id, [jid])
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}
