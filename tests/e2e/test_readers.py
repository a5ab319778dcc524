"""Receipts and reactions: each reader counts once, and who has it on the phone beats an error ack."""

import pytest

from support.callbacks import Message, now_ms, tell
from support.system import System

READER, OTHER_READER = "919812345678", "919887654321"


async def sent_message(system: System, **knobs: object) -> tuple[str, Message]:
    """Send to one group that the VPS treats like this; return broadcast_id and message once all is quiet."""
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], **knobs)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_finished(broadcast_id)
    await system.until_quiet()
    return broadcast_id, Message(session_id, jid, (await system.ledger(session_id)).items[0].message_id)


async def test_receipts_that_two_sessions_of_the_group_post_count_once_per_reader(system: System) -> None:
    broadcast_id, message = await sent_message(
        system, delivered_readers=3, read_readers=2, receipt_sessions=[system.new_session()]
    )
    recipient = await system.api.recipient(broadcast_id, message.jid)
    assert (recipient.status, recipient.delivered_count, recipient.read_count) == ("read", 3, 2)
    assert (await system.vps.ledger(recipient=message.jid)).sent == 1


async def test_receipts_with_an_empty_reader_count_as_one_reader(system: System) -> None:
    broadcast_id, message = await sent_message(system, delivered_readers=3, empty_reader=1.0)
    recipient = await system.api.recipient(broadcast_id, message.jid)
    assert (recipient.status, recipient.delivered_count, recipient.read_count) == ("delivered", 1, 0)


async def test_reactions_are_added_and_taken_back(system: System) -> None:
    broadcast_id, message = await sent_message(system)
    at_ms = now_ms()
    await tell(
        system.vps,
        message.reaction("reaction_add", READER, at_ms),
        message.reaction("reaction_add", OTHER_READER, at_ms),
        message.reaction("reaction_add", READER, at_ms + 5),
    )
    await system.until_quiet()
    assert (await system.api.recipient(broadcast_id, message.jid)).reaction_count == 2
    await tell(
        system.vps,
        message.reaction("reaction_remove", READER, at_ms + 10),
        message.reaction("reaction_add", READER, at_ms + 7),
    )
    await system.until_quiet()
    recipient = await system.api.recipient(broadcast_id, message.jid)
    assert (recipient.status, recipient.reaction_count) == ("sent", 1)


async def test_reactions_that_are_all_taken_back_leave_none(system: System) -> None:
    broadcast_id, message = await sent_message(system, reactors=3, reaction_removed=1.0)
    assert (await system.api.recipient(broadcast_id, message.jid)).reaction_count == 0


@pytest.mark.parametrize("error_delay_ms", [5, 500], ids=["error-first", "receipt-first"])
async def test_delivered_beats_an_error_ack_in_either_order(system: System, error_delay_ms: int) -> None:
    broadcast_id, message = await sent_message(
        system,
        error_ack=1.0,
        error_delay_ms=error_delay_ms,
        delivered_readers=1,
        receipts_after_error=True,
        receipt_min_ms=200,
        receipt_max_ms=200,
    )
    recipient = await system.api.recipient(broadcast_id, message.jid)
    assert (recipient.status, recipient.attempt, recipient.error_message) == ("delivered", 1, None)
    assert (await system.api.campaign(broadcast_id)).outcome == ("completed", 1, 0)
    assert (await system.ledger(message.session_id)).refused == 1
