"""The number of SQL statements does not depend on the size of a batch."""

from contracts.delivery import MessageDelivered, MessageErrored, MessageSent, ReactionAdded
from dispatcher.store import lease
from support.dispatching import Bed, counted, groups, report
from support.sending import Recorder, land, new_sender, step


async def statements_of_reports(bed: Bed, count: int, session_id: str) -> list[str]:
    """Apply reports of several kinds about so many groups in one batch; return the statements."""
    jids = groups(count)
    _, attempts = await bed.begin(jids, session_id)
    reports = []
    for position, (jid, attempt) in enumerate(attempts.items()):
        about = {"recipient": jid, "message_id": attempt.message_id, "session_id": session_id}
        reports.append(report(MessageSent, **about))
        if position % 4 == 0:
            reports.append(report(MessageErrored, **about, error_code=420, error_message="no"))
        elif position % 4 == 1:
            reports.append(report(MessageDelivered, **about, reader="919812345678"))
        elif position % 4 == 2:
            reports.append(report(ReactionAdded, **about, reactor="919812345678"))
    reports.append(report(MessageSent, recipient=jids[0], message_id=f"nobody's {session_id}"))
    with counted(bed.engine) as statements:
        await bed.tell(*reports)
    return statements


async def test_reports_for_1000_groups_take_as_many_statements_as_for_100(bed: Bed):
    small = await statements_of_reports(bed, 100, "wa_small")
    large = await statements_of_reports(bed, 1_000, "wa_large")
    assert len(large) == len(small), (
        f"{len(small)} statements for 100 groups, {len(large)} for 1,000: {large}"
    )
    assert len(small) <= 20, f"{len(small)} statements for one batch: {small}"


async def statements_of_creation(bed: Bed, count: int) -> list[str]:
    with counted(bed.engine) as statements:
        await bed.create(groups(count), f"wa_{count}", chunk=1_000)
    return statements


async def test_a_chunk_of_1000_recipients_takes_as_many_statements_as_one_of_100(bed: Bed):
    small, large = await statements_of_creation(bed, 100), await statements_of_creation(bed, 1_000)
    assert len(large) == len(small), f"{len(small)} statements for 100, {len(large)} for 1,000: {large}"


async def statements_of_a_turn(bed: Bed, sessions: int, name: str) -> tuple[list[str], list[str]]:
    """Return what it takes to start one message on each of so many sessions, and to record the answers."""
    for number in range(sessions):
        await bed.create(groups(2), f"{name}_{number}")
    caller = Recorder()
    sender = new_sender(bed, caller, name)
    with counted(bed.engine) as starting:
        await step(sender)
    with counted(bed.engine) as landing:
        await land(sender)
    assert len(caller.called) == sessions
    async with bed.engine.begin() as connection:
        await lease.leave(connection, name)
    await bed.execute("UPDATE campaign_status SET status = 'paused', paused = true")
    return starting, landing


async def test_a_turn_over_50_sessions_takes_as_many_statements_as_one_over_5(bed: Bed):
    small, large = await statements_of_a_turn(bed, 5, "few"), await statements_of_a_turn(bed, 50, "many")
    for few, many in zip(small, large, strict=True):
        assert len(many) == len(few), f"{len(few)} statements for 5 sessions, {len(many)} for 50: {many}"


async def statements_of_one_callback(bed: Bed, size: int, session_id: str) -> list[str]:
    jids = groups(size)
    _, attempts = await bed.begin(jids, session_id)
    about = {"recipient": jids[0], "message_id": attempts[jids[0]].message_id, "session_id": session_id}
    with counted(bed.engine) as statements:
        await bed.tell(report(MessageSent, **about))
    return statements


async def test_one_callback_costs_the_same_in_a_small_and_in_a_large_campaign(bed: Bed):
    small = await statements_of_one_callback(bed, 2, "wa_small")
    large = await statements_of_one_callback(bed, 500, "wa_large")
    assert small == large, f"{len(small)} statements in a campaign of 2, {len(large)} in one of 500"
    assert not any("count(" in statement.lower() for statement in large), "totals are never counted over rows"
