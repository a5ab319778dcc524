"""A retry comes when it was due, and not before, whoever was running when it was planned."""

from datetime import timedelta

from support.system import System

SETTINGS = {"RETRY_BACKOFF_S": "15"}
BACKOFF = timedelta(seconds=15)
JITTER = 0.2


async def test_a_restart_in_the_middle_of_a_backoff_changes_nothing_about_it(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], fail=1.0, only_first=1)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_step(broadcast_id, jid, "recipient.failed")
    system.dispatcher.stop()
    await system.start("dispatcher")
    before = await system.api.recipient(broadcast_id, jid)
    assert (before.status, before.attempt) == ("queued", 1), "the restart fell into the middle of the backoff"
    await system.api.until_outcome(broadcast_id, "completed", 1, 0, within_s=60)
    steps = await system.api.history(broadcast_id, jid)
    [failed] = [step for step in steps if step.event == "recipient.failed"]
    first, second = [step for step in steps if step.event == "recipient.started"]
    assert first.at < failed.at
    assert second.at >= failed.at + BACKOFF * (1 - JITTER) - timedelta(seconds=1), "not before it was due"
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}
