"""SEND_ENABLED=false: everything happens but the call to the VPS."""

from support.system import System

SETTINGS = {"SEND_ENABLED": "false"}


async def test_nothing_leaves_and_the_recipients_stay_queued_with_the_reason(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    broadcast_id = await system.api.create(session_id, groups)
    tried = await system.api.until_step(broadcast_id, groups[0], "recipient.not_taken")
    not_taken = next(step for step in tried if step.event == "recipient.not_taken")
    assert not_taken.details["reason"] == "sending is switched off"
    campaign = await system.api.campaign(broadcast_id)
    assert (campaign.sent_count, campaign.failed_count) == (0, 0)
    waiting = await system.api.until_recipient(broadcast_id, groups[0], "queued")
    assert waiting.error_message == "sending is switched off"
    assert (await system.vps.requests()).send == {}
    assert (await system.ledger(session_id)).sent == 0
