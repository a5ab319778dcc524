"""The dispatcher is killed in the middle of a campaign and started again: nothing is lost, nothing is sent twice."""

from support.eventually import eventually
from support.published import assert_all_published
from support.system import System

ALONE = True

RECIPIENTS = 200


async def until_sent(system: System, session_id: str, count: int) -> None:
    """Wait until the VPS has really sent so many messages of a session."""

    async def sent() -> bool:
        return (await system.ledger(session_id)).sent >= count

    await eventually(sent, 30)


async def test_kill_9_in_the_middle_of_a_campaign_loses_nothing_and_sends_nothing_twice(
    system: System,
) -> None:
    session_id, groups = system.new_session(), system.new_groups(RECIPIENTS)
    await system.vps.put_session(session_id, answer_delay_ms=25, honour_idempotency_key=False)
    broadcast_id = await system.api.create(session_id, groups)
    for sent in (RECIPIENTS // 4, RECIPIENTS // 2):
        await until_sent(system, session_id, sent)
        system.dispatcher.kill()
        assert (await system.ledger(session_id)).sent < RECIPIENTS
        await system.start("dispatcher")
    campaign = await system.api.until_finished(broadcast_id, within_s=60)
    await system.vps.wait_until_idle(within_s=15)
    assert campaign.outcome == ("completed", RECIPIENTS, 0)
    rows = await system.api.recipients(broadcast_id)
    assert [row.status for row in rows.values()] == ["sent"] * RECIPIENTS
    ledger = await system.ledger(session_id)
    assert ledger.per_recipient == dict.fromkeys(groups, 1)
    assert ledger.sent_twice == []
    await assert_all_published(system, broadcast_id, repeats_allowed=True)
    verified = await system.run("rebuild", "--verify")
    assert verified.code == 0, verified.output


async def test_a_call_that_was_under_way_when_it_was_killed_is_settled_and_not_repeated(
    system: System,
) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], silent=True, answer_delay_ms=400, honour_idempotency_key=False)
    broadcast_id = await system.api.create(session_id, [jid])
    await until_sent(system, session_id, 1)
    system.dispatcher.kill()
    await system.start("dispatcher")
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    steps = await system.api.history(broadcast_id, jid)
    assert (steps[-1].event, steps[-1].details["source"]) == ("recipient.sent", "lookup")
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_stopped_in_order_and_started_again_it_goes_on(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(40)
    broadcast_id = await system.api.create(session_id, groups)
    await until_sent(system, session_id, 5)
    system.dispatcher.stop()
    assert system.dispatcher.exit_code == 0
    await system.start("dispatcher")
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 40, 0)
    await system.vps.wait_until_idle(within_s=15)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
    assert {row.attempt for row in (await system.api.recipients(broadcast_id)).values()} == {1}
