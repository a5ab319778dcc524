"""One worker per session at a time: leases, fencing tokens, and what a stale worker may still do."""

import asyncio

from dispatcher.pulse import Pulse
from dispatcher.store import lease
from support.dispatching import Bed, counted, groups
from support.sending import Recorder, Slow, land, new_sender, rounds, step

LEASE_MS = 30_000
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'campaign_status'"


async def take(bed: Bed, holder: str) -> dict[str, int]:
    async with bed.engine.begin() as connection:
        return await lease.take(connection, holder, LEASE_MS)


async def announce(bed: Bed, *holders: str) -> None:
    async with bed.engine.begin() as connection:
        for holder in holders:
            await lease.announce(connection, holder, LEASE_MS)


async def expire_leases(bed: Bed) -> None:
    """Let all leases run out, as if their holder had stalled."""
    await bed.execute("UPDATE session_leases SET expires_at_ms = 1")


async def test_however_many_ask_at_once_each_session_has_one_holder(bed: Bed):
    names = {f"wa_{number}" for number in range(20)}
    for name in names:
        await bed.create(groups(1), name)
    taken = await asyncio.gather(*(take(bed, f"worker {number}") for number in range(8)))
    assert sorted(name for sessions in taken for name in sessions) == sorted(names)
    assert {token for sessions in taken for token in sessions.values()} == {1}


async def test_only_sessions_with_open_recipients_are_taken(bed: Bed):
    assert await take(bed, "one") == {}
    await bed.create(groups(1), "wa_1")
    await bed.execute("UPDATE campaign_status SET status = 'paused', paused = true")
    assert await take(bed, "one") == {}


async def test_a_session_of_many_campaigns_is_taken_once(bed: Bed):
    campaign_id = await bed.create(groups(1))
    columns = [name for (name,) in await bed.fetch(COLUMNS) if name != "campaign_id"]
    copied = ", ".join(columns)
    await bed.execute(
        f"INSERT INTO campaign_status (campaign_id, {copied})"
        f" SELECT gen_random_uuid(), {copied} FROM campaign_status, generate_series(1, 20000) WHERE campaign_id = :id",
        id=campaign_id,
    )
    assert await take(bed, "one") == {"wa_x": 1}, "reading them takes longer than a millisecond of the clock"


async def test_an_expired_lease_changes_hands_with_a_higher_token(bed: Bed):
    await bed.create(groups(1))
    assert await take(bed, "one") == {"wa_x": 1}
    assert await take(bed, "two") == {}
    await expire_leases(bed)
    assert await take(bed, "two") == {"wa_x": 2}
    async with bed.engine.begin() as connection:
        assert await lease.renew(connection, "one", LEASE_MS) == {}
        assert await lease.confirm(connection, "one", ["wa_x"]) == {}
        assert await lease.confirm(connection, "two", ["wa_x", "wa_y"]) == {"wa_x": 2}


async def test_what_has_run_out_is_not_renewed_even_if_nobody_took_it(bed: Bed):
    await bed.create(groups(1))
    await take(bed, "one")
    await expire_leases(bed)
    async with bed.engine.begin() as connection:
        assert await lease.renew(connection, "one", LEASE_MS) == {}


async def test_a_new_holder_waits_one_gap_before_its_first_message(bed: Bed):
    await bed.create(groups(3))
    first, second = Recorder(), Recorder()
    one, two = new_sender(bed, first, "one"), new_sender(bed, second, "two")
    await rounds(bed, one, 1)
    await expire_leases(bed)
    await step(two)
    assert (len(first.called), second.called) == (1, [])
    assert two.sessions.by_id["wa_x"].token == 2
    bed.clock.advance(0.5)
    await step(two)
    assert len(second.called) == 1


async def test_a_first_holder_sends_at_once(bed: Bed):
    await bed.create(groups(1))
    caller = Recorder()
    await step(new_sender(bed, caller))
    assert len(caller.called) == 1


async def test_two_workers_send_each_message_once(bed: Bed):
    jids = groups(12)
    for number in range(4):
        await bed.create(jids[number * 3 : number * 3 + 3], f"wa_{number}")
    caller = Recorder()
    one, two = new_sender(bed, caller, "one"), new_sender(bed, caller, "two")
    for _ in range(4):
        await asyncio.gather(step(one), step(two))
        await asyncio.gather(land(one), land(two))
        bed.clock.advance(0.5)
    assert sorted(caller.called) == jids


async def test_the_late_answer_of_a_stale_worker_is_refused(bed: Bed):
    [jid] = groups(1)
    campaign_id = await bed.create([jid])
    slow = Slow()
    stale = new_sender(bed, slow, "stale")
    await step(stale)
    await expire_leases(bed)
    await step(new_sender(bed, Recorder(), "new"))
    events = await bed.count("events")
    slow.may_answer.set()
    await land(stale)
    assert await bed.count("events") == events
    assert (await bed.recipient(campaign_id, jid)).attempts[0].accepted_at_ms is None
    assert stale.sessions.by_id == {}


async def test_a_worker_whose_lease_ran_out_between_commit_and_call_does_not_call(bed: Bed):
    campaign_id = await bed.create(groups(1))
    caller = Recorder()
    sender = new_sender(bed, caller)
    sender.wake()
    await sender._keep_leases()
    await sender._turn(claiming=True)
    bed.clock.advance(30)
    await land(sender)
    assert caller.called == []
    assert await bed.statuses(campaign_id) == ["processing"]


async def test_at_shutdown_calls_in_flight_are_recorded_and_the_leases_given_back(bed: Bed):
    jids = groups(2)
    campaign_id = await bed.create(jids)
    slow = Slow()
    sender, stopping = new_sender(bed, slow), asyncio.Event()
    running = asyncio.create_task(sender.run(stopping, Pulse()))
    async with asyncio.timeout(10):
        await slow.was_called.wait()
        stopping.set()
        sender.wake()
        slow.may_answer.set()
        await running
    assert slow.called == jids[:1]
    assert (await bed.recipient(campaign_id, jids[0])).attempts[0].accepted_at_ms is not None
    assert await take(bed, "next") == {"wa_x": 2}


async def sessions_of(bed: Bed, count: int) -> list[str]:
    """Make sessions with something to send."""
    names = sorted(f"wa_{number}" for number in range(count))
    for name in names:
        await bed.create(groups(2), name)
    return names


async def held(bed: Bed, holder: str) -> int:
    [(count,)] = await bed.fetch(
        "SELECT count(*) FROM session_leases WHERE holder = :holder AND expires_at_ms > 1", holder=holder
    )
    return int(count)


async def test_replicas_that_ask_at_once_take_their_shares_and_leave_nothing_over(bed: Bed):
    names = await sessions_of(bed, 20)
    await announce(bed, "one", "two", "three")
    taken = await asyncio.gather(*(take(bed, holder) for holder in ("one", "two", "three")))
    assert sorted(len(sessions) for sessions in taken) == [6, 7, 7]
    assert sorted(name for sessions in taken for name in sessions) == names
    assert await take(bed, "one") == {}


async def test_a_replica_that_died_has_no_share_and_is_forgotten(bed: Bed):
    await sessions_of(bed, 4)
    await announce(bed, "dead", "one")
    await bed.execute("UPDATE replicas SET expires_at_ms = 1 WHERE holder = 'dead'")
    assert len(await take(bed, "one")) == 4
    await announce(bed, "one")
    assert await bed.fetch("SELECT holder FROM replicas") == [("one",)]


async def test_news_of_a_session_that_another_holds_is_asked_about_once_until_it_may_be_free(bed: Bed):
    await sessions_of(bed, 1)
    one, two = new_sender(bed, Recorder(), "one"), new_sender(bed, Recorder(), "two")
    await step(one)
    await two._keep_leases()

    async def asked(news: str) -> bool:
        two.wake(news)
        with counted(bed.engine) as statements:
            await two._keep_leases()
        return any("INSERT INTO session_leases" in statement for statement in statements)

    assert [await asked(news) for news in ("wa_0", "wa_0", "wa_0")] == [True, False, False]
    assert await asked("wa_new"), "of another one it does not know whose it is"
    assert await asked(""), "somebody gave sessions back"
    assert await asked("wa_0")
    bed.clock.advance(10)
    assert await asked("wa_0"), "whoever holds it may have died"


async def test_sessions_without_work_count_for_nobody(bed: Bed):
    names = await sessions_of(bed, 4)
    await take(bed, "one")
    await bed.execute(
        "UPDATE campaign_status SET status = 'paused', paused = true WHERE session_id < :name", name=names[2]
    )
    await announce(bed, "two")
    async with bed.engine.begin() as connection:
        assert await lease.surplus(connection, "one") == names[3:]


async def test_who_has_more_than_its_share_gives_sessions_back_between_two_messages(bed: Bed):
    await sessions_of(bed, 4)
    slow = Slow()
    one, two = new_sender(bed, slow, "one"), new_sender(bed, Recorder(), "two")
    await step(one)
    await slow.was_called.wait()
    await step(two)
    assert (await held(bed, "one"), await held(bed, "two")) == (4, 0)
    bed.clock.advance(10)
    await step(one)
    assert await held(bed, "one") == 4, "a call is in flight on each"
    slow.may_answer.set()
    await land(one)
    answered = await bed.fetch("SELECT 1 FROM events WHERE type = 'recipient.accepted'")
    assert len(answered) == 4, "no answer is lost by the handover"
    await step(one)
    await step(two)
    assert (await held(bed, "one"), await held(bed, "two")) == (2, 2)
    assert len(slow.called) == 4 + 2, "through the two that it keeps it goes on"


async def test_at_shutdown_a_replica_counts_no_more(bed: Bed):
    await sessions_of(bed, 2)
    await announce(bed, "one", "two")
    await take(bed, "one")
    async with bed.engine.begin() as connection:
        await lease.leave(connection, "one")
    assert len(await take(bed, "two")) == 2
