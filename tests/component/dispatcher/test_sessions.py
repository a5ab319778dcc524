"""What may leave through a session: its limits, its health, and what the rounds and the watchdog find out about it."""

from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest

from contracts.delivery import MemberJoined, MessageErrored, MessageSent, SessionReported
from dispatcher.answers import Accepted, Answer, NotTaken, Rejected, SessionTold, Unknown, Unreachable
from dispatcher.directory import Directory
from dispatcher.domain.group import Listing
from dispatcher.domain.session import Limits
from dispatcher.domain.session_decider import Command, Configure, Pause, Release, Report, Use
from dispatcher.group_listing import Listed
from dispatcher.handling import Cause, batch
from dispatcher.moving import Moving, Wish
from dispatcher.processes import watch_silence
from dispatcher.processes.verify_sessions import Rounds
from dispatcher.processes.watch_silence import Watchdog
from dispatcher.translate import to_time
from dispatcher.verification import Verification
from support.dispatching import RULES, SESSION, TENANT, Bed, counted, groups, report
from support.sending import Recorder, Slow, land, new_sender, rounds, step

DAY_MS = 86_400_000


async def tell(bed: Bed, *commands: Command, session_id: str = SESSION) -> None:
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        await handling.load(connection, session_ids=[session_id])
        for command in commands:
            handling.tell_session(session_id, command, Cause("story"))


async def limit(bed: Bed, **limits: object) -> None:
    await tell(bed, Configure(bed.clock.ms, "ann", Limits(**limits)))


class Vps:
    """Answers to `/status` what a test wants, and counts."""

    def __init__(self, answer: SessionTold | Unreachable) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def status(self, session_id: str) -> SessionTold | Unreachable:
        self.asked.append(session_id)
        return self.answer


def rounds_of(bed: Bed, vps: Vps) -> Rounds:
    return Rounds(
        bed.engine, Verification(bed.engine, RULES, vps.status, bed.clock.now_ms), 60, bed.clock.now_ms
    )


def directory_of(bed: Bed) -> Directory:
    return Directory(bed.engine, RULES, bed.clock.now_ms)


async def test_a_full_day_holds_the_rest_back_until_midnight_across_a_restart(bed: Bed):
    jids = groups(5)
    await bed.create(jids)
    await limit(bed, daily_cap=2)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller, "before"), 4)
    assert caller.called == jids[:2]
    await bed.execute("UPDATE session_leases SET expires_at_ms = 0")
    restarted = new_sender(bed, caller, "after")
    await rounds(bed, restarted, 3)
    assert caller.called == jids[:2]
    midnight_ms = bed.clock.ms - bed.clock.ms % DAY_MS + DAY_MS
    assert restarted.sessions.wakes_at() == midnight_ms / 1000
    bed.clock.ms = midnight_ms
    await rounds(bed, restarted, 4)
    assert caller.called == jids[:4]


async def test_what_was_not_taken_does_not_use_up_the_day(bed: Bed):
    jids = groups(2)
    await bed.create(jids)
    await limit(bed, daily_cap=1)
    caller = Recorder(NotTaken("the session is not connected"))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    caller.answer = Accepted()
    bed.clock.advance(60)
    await rounds(bed, sender, 3)
    assert len(caller.called) == 2


async def test_the_day_of_an_account_goes_on_under_its_new_id(bed: Bed):
    before, after = groups(2), groups(3, 11)
    await limit(bed, daily_cap=3)
    await bed.create(before)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 3)
    moving = Moving(bed.engine, RULES, bed.clock.now_ms)
    await moving.move(Wish(SESSION, "wa_between", "ann", None))
    await moving.move(Wish("wa_between", "wa_new", "ann", None))
    await bed.create(after, "wa_new")
    await rounds(bed, new_sender(bed, caller, "after"), 4)
    assert caller.called == [*before, after[0]]


@pytest.mark.parametrize(("code", "status", "stopped"), [(463, "failed", True), (421, "queued", False)])
async def test_an_error_ack_of_a_message_that_left_before_the_move_is_about_the_session_it_left_through(
    bed: Bed, code: int, status: str, stopped: bool
):
    jids = groups(2)
    campaign_id = await bed.create(jids)
    attempt = (await bed.start(campaign_id, jids[:1]))[jids[0]]
    moving = Moving(bed.engine, RULES, bed.clock.now_ms)
    await moving.move(Wish(SESSION, "wa_between", "ann", None))
    await moving.move(Wish("wa_between", "wa_new", "ann", None))
    for session_id in (SESSION, "wa_new"):
        await tell(bed, Report(bed.clock.ms, "connected"), session_id=session_id)
    ack = report(MessageErrored, message_id=attempt.message_id, error_code=code, error_message="no")
    await bed.tell(ack)
    assert (await bed.statuses(campaign_id))[0] == status
    left_through = await bed.session(SESSION)
    assert (left_through.stopped, left_through.parked_until_ms is not None) == (stopped, not stopped)
    assert (await bed.session("wa_new")).may_send(bed.clock.ms)
    await bed.tell(ack)
    assert (await bed.statuses(campaign_id))[0] == status


async def test_an_error_ack_is_about_the_session_also_where_the_same_batch_makes_its_message_known(bed: Bed):
    [jid] = groups(1)
    campaign_id, _ = await bed.begin([jid])
    await tell(bed, Report(bed.clock.ms, "connected"))
    await bed.tell(
        report(MessageErrored, message_id="3EB0THEIRS", error_code=463, error_message="no"),
        report(MessageSent, recipient=jid, message_id="3EB0THEIRS"),
    )
    assert await bed.statuses(campaign_id) == ["failed"]
    assert (await bed.session()).stopped


async def test_who_comes_and_goes_is_told_to_the_tenant_of_the_session(bed: Bed):
    [jid] = groups(1)
    await bed.create([jid])
    await tell(bed, Use(bed.clock.ms, TENANT))
    await directory_of(bed).sync(SESSION, Listed({jid: Listing("Team", 3)}), bed.clock.ms)
    await bed.tell(report(MemberJoined, bed.clock.ms + 1000, recipient=jid, participant="919812345678"))
    told = await bed.fetch("SELECT type, tenant FROM events WHERE stream LIKE 'group-%' ORDER BY version")
    assert told == [("group.seen", TENANT), ("group.member_moved", TENANT)]


async def test_what_was_not_taken_yesterday_gives_nothing_back_today(bed: Bed):
    day_ends_ms = bed.clock.ms - bed.clock.ms % DAY_MS + DAY_MS
    bed.clock.ms = day_ends_ms - 100
    yesterday, today = groups(2)
    await bed.create([yesterday, today])
    await limit(bed, daily_cap=1)
    slow = Slow()
    slow.answers[yesterday] = NotTaken("the session is not connected")
    sender = new_sender(bed, slow, lanes=2)
    await step(sender)
    bed.clock.ms = day_ends_ms + 500
    await step(sender)
    assert slow.called == [yesterday, today], "both are under way"
    held = sender.sessions.by_id[SESSION]
    slow.may_answer.set()
    await land(sender)
    assert held.day is not None
    assert (held.day.start_ms, held.day.sent) == (day_ends_ms, 1)


async def test_nothing_leaves_in_quiet_hours_and_the_first_leaves_when_they_end(bed: Bed):
    await bed.create(groups(1))
    await limit(bed, quiet_from="22:00", quiet_to="23:30")  # the bed's clock says 22:13:20
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 3)
    assert caller.called == []
    ends_ms = bed.clock.ms - bed.clock.ms % DAY_MS + 23 * 3_600_000 + 1_800_000
    assert sender.sessions.wakes_at() == ends_ms / 1000
    bed.clock.ms = ends_ms
    await rounds(bed, sender, 1)
    assert len(caller.called) == 1


async def test_a_paused_session_sends_nothing_until_it_is_let_go(bed: Bed):
    await bed.create(groups(2))
    await tell(bed, Pause(bed.clock.ms, "ann"))
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 3)
    assert (caller.called, sender.sessions.wakes_at()) == ([], None)
    await tell(bed, Release(bed.clock.ms, "ann"))
    await rounds(bed, sender, 2)
    assert len(caller.called) == 2


async def test_a_burst_of_answers_that_nobody_can_read_lets_the_session_rest(bed: Bed):
    await bed.create(groups(12))
    caller = Recorder(Unknown("the VPS did not answer in time"))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 6)
    assert len(caller.called) == 5
    session = await bed.session()
    assert session.last_error == "5 answers in a row could not be read"
    assert session.parked_until_ms is not None
    bed.clock.ms = session.parked_until_ms
    answers: list[Answer] = [Accepted()]
    caller.answer = answers[0]
    await rounds(bed, sender, 6)
    assert len(caller.called) == 11
    assert (await bed.session()).parks == 0


async def test_the_rounds_ask_for_every_session_once_and_again_when_it_is_time(bed: Bed):
    for number in range(3):
        await bed.create(groups(1), f"wa_{number}")
    vps = Vps(SessionTold("connected", "91"))
    asking = rounds_of(bed, vps)
    assert (await asking.go(), await asking.go()) == (3, 0)
    bed.clock.advance(59)
    assert await rounds_of(bed, vps).go() == 0, "another process asks again too early"
    bed.clock.advance(1)
    assert await asking.go() == 3
    assert sorted(vps.asked) == sorted([f"wa_{number}" for number in range(3)] * 2)
    assert (await bed.session("wa_1")).status == "connected"


async def test_a_parked_session_is_asked_with_growing_pauses_and_no_message_is_tried_meanwhile(bed: Bed):
    await bed.create(groups(2))
    caller = Recorder(NotTaken("the session is not connected"))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    vps = Vps(SessionTold("disconnected"))
    asking = rounds_of(bed, vps)
    started_ms, asked_at = bed.clock.ms, []
    while bed.clock.ms < started_ms + 60_000:
        bed.clock.advance(0.5)
        if await asking.go():
            asked_at.append(bed.clock.ms - started_ms)
        await rounds(bed, sender, 1)
    pauses = [later - earlier for earlier, later in pairwise(asked_at[1:])]
    assert len(caller.called) == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] > 8_000, asked_at
    vps.answer, caller.answer = SessionTold("connected"), Accepted()
    bed.clock.advance(60)
    await asking.go()
    await rounds(bed, sender, 2)
    assert len(caller.called) == 3


async def test_a_session_that_was_told_to_wait_is_let_go_on_by_the_next_round_after_it_though_nothing_is_sent(
    bed: Bed,
):
    await bed.create(groups(1))
    vps = Vps(SessionTold("connected", "91"))
    asking = rounds_of(bed, vps)
    assert await asking.go() == 1
    await rounds(bed, new_sender(bed, Recorder(NotTaken("too many", None, 50_000))), 1)
    for seconds, trouble in ((30, "parked"), (30, None)):
        bed.clock.advance(seconds)
        await asking.go()
        assert (await bed.session()).trouble == trouble
    assert vps.asked == [SESSION] * 2


async def test_a_session_that_is_down_sends_nothing_until_the_vps_was_asked_and_says_connected(bed: Bed):
    await tell(bed, Report(bed.clock.ms, "disconnected"))
    await bed.create(groups(1))
    caller = Recorder()
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 2)
    assert (caller.called, sender.sessions.wakes_at()) == ([], None)
    vps = Vps(SessionTold("connected", "91"))
    assert await rounds_of(bed, vps).go() == 1
    await rounds(bed, sender, 1)
    assert len(caller.called) == 1
    assert (await bed.session()).status == "connected"


async def test_a_session_that_is_down_is_asked_again_although_no_message_waits_for_it(bed: Bed):
    await tell(bed, Report(bed.clock.ms, "disconnected"))
    vps = Vps(SessionTold("disconnected"))
    asking = rounds_of(bed, vps)
    assert await asking.go() == 1, "it was never asked"
    bed.clock.advance(599)
    assert await asking.go() == 0
    bed.clock.advance(1)
    vps.answer = SessionTold("connected", "91")
    assert await asking.go() == 1
    assert (await bed.session()).status == "connected"


async def test_while_the_vps_is_away_a_session_that_is_down_is_asked_with_growing_pauses(bed: Bed):
    await tell(bed, Report(bed.clock.ms, "disconnected"))
    await bed.create(groups(1))
    vps = Vps(Unreachable("ConnectTimeout"))
    asking = rounds_of(bed, vps)
    for _ in range(60):
        await asking.go()
        bed.clock.advance(1)
    assert 3 < len(vps.asked) < 8


async def test_the_rounds_do_not_lift_what_the_vps_told_us_to_wait(bed: Bed):
    await bed.create(groups(1))
    caller = Recorder(NotTaken("the VPS takes no more messages now", wait_ms=600_000))
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 1)
    asking = rounds_of(bed, Vps(SessionTold("connected")))
    for _ in range(9):
        bed.clock.advance(60)
        await asking.go()
        await rounds(bed, sender, 1)
    assert len(caller.called) == 1


async def taken(bed: Bed, session_id: str = SESSION) -> Recorder:
    """Let the VPS take one message on a session that says that it is connected."""
    await bed.create(groups(1), session_id)
    await tell(bed, Report(bed.clock.ms, "connected"), session_id=session_id)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 1)
    return caller


async def caught_up() -> bool:
    return True


def watchdog(bed: Bed, *, pauses: bool = True) -> Watchdog:
    return Watchdog(bed.engine, RULES, 600, bed.clock.now_ms, caught_up, 0, pauses=pauses)


async def test_nobody_is_silent_whose_callbacks_still_wait_to_be_applied(bed: Bed):
    await taken(bed)
    bed.clock.advance(600)
    told = iter([False, True, True, False, True, True])

    async def is_caught_up() -> bool:
        return next(told)

    dog = Watchdog(bed.engine, RULES, 600, bed.clock.now_ms, is_caught_up, 60, pauses=True)
    looks = []
    for seconds in (0, 30, 59, 1, 30, 60):
        bed.clock.advance(seconds)
        looks.append(await dog.look())
    assert looks == [0, 0, 0, 0, 0, 1]


async def test_a_callback_that_is_applied_while_its_session_is_suspected_clears_it(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
):
    await taken(bed)
    bed.clock.advance(600)
    lock = watch_silence.batch

    @asynccontextmanager
    async def after_a_callback(*given):
        await bed.tell(report(MemberJoined, recipient="120363099@g.us", participant="1"))
        async with lock(*given) as locked:
            yield locked

    monkeypatch.setattr(watch_silence, "batch", after_a_callback)
    assert await watchdog(bed).look() == 0
    assert (await bed.session()).attention is None


async def test_silence_is_noticed_after_its_time_and_told_once(bed: Bed):
    await taken(bed)
    assert await watchdog(bed).look() == 0
    bed.clock.advance(600)
    assert (await watchdog(bed).look(), await watchdog(bed).look()) == (1, 0)
    session = await bed.session()
    assert (session.attention, session.paused) == ("silent", True)
    await tell(bed, Release(bed.clock.ms, "ann"))
    bed.clock.advance(600)
    assert await watchdog(bed).look() == 0, "the silence that somebody has dealt with"


async def test_any_callback_of_the_session_breaks_the_silence(bed: Bed):
    await taken(bed)
    bed.clock.advance(300)
    await bed.tell(report(MemberJoined, recipient="120363099@g.us", participant="1"))
    bed.clock.advance(300)
    assert await watchdog(bed).look() == 0


async def test_a_session_that_is_down_or_whose_message_was_not_taken_is_not_silent(bed: Bed):
    await taken(bed, "wa_down")
    await tell(bed, Report(bed.clock.ms, "disconnected"), session_id="wa_down")
    await bed.create(groups(1), "wa_lost")
    await tell(bed, Report(bed.clock.ms, "connected"), session_id="wa_lost")
    await rounds(bed, new_sender(bed, Recorder(Unknown("timeout")), "two"), 1)
    bed.clock.advance(600)
    assert await watchdog(bed).look() == 0


async def test_messages_that_the_vps_did_not_take_hide_no_silence_about_those_that_it_did(bed: Bed):
    *refused, taken_one = groups(25)
    await bed.create([*refused, taken_one])
    await tell(bed, Report(bed.clock.ms, "connected"))
    caller = Recorder()
    caller.answers = dict.fromkeys(refused, Rejected("rejected by the VPS", "no such group"))
    await rounds(bed, new_sender(bed, caller), 26)
    assert caller.called[-1] == taken_one
    bed.clock.advance(600)
    assert await watchdog(bed).look() == 1


async def test_silence_that_does_not_pause_only_asks_for_attention(bed: Bed):
    await taken(bed)
    bed.clock.advance(600)
    await watchdog(bed, pauses=False).look()
    session = await bed.session()
    assert (session.attention, session.paused) == ("silent", False)


async def test_a_sync_of_2000_groups_takes_as_many_statements_a_chunk_as_one_of_1000(bed: Bed):
    async def statements(count: int, session_id: str) -> int:
        listed = Listed({jid: Listing("Team", 3) for jid in groups(count)})
        with counted(bed.engine) as sent:
            await directory_of(bed).sync(session_id, listed, bed.clock.ms)
        return len(sent)

    chunk, two = await statements(500, "wa_1"), await statements(1_000, "wa_2")
    four = await statements(2_000, "wa_3")
    assert (two - chunk) * 2 == four - two


async def test_an_error_ack_that_comes_before_its_message_is_known_marks_the_group_too(bed: Bed):
    [jid] = groups(1)
    await directory_of(bed).sync(SESSION, Listed({jid: Listing("Team", 3)}), bed.clock.ms)
    campaign_id, attempts = await bed.begin([jid])
    await bed.tell(
        report(MessageErrored, message_id="3EB0OWN", error_code=420, error_message="no"),
        report(MessageSent, recipient=jid, message_id="3EB0OWN", client_ref=attempts[jid].id),
    )
    assert await bed.statuses(campaign_id) == ["failed"]
    [(refused,)] = await bed.fetch("SELECT state ? 'refused_at_ms' FROM group_directory")
    assert refused
    assert await bed.statuses(await bed.create([jid, *groups(1, 5)])) == ["skipped", "queued"]


async def test_an_older_callback_that_comes_later_does_not_change_a_session(bed: Bed):
    now_ms = bed.clock.ms

    def told(status: str, at_ms: int) -> SessionReported:
        made = report(SessionReported, at_ms, status=status, raw_timestamp=at_ms)
        return msgspec.structs.replace(made, time=to_time(now_ms))

    await bed.tell(told("connected", now_ms - 1_000))
    await bed.tell(told("connected", now_ms - 300), told("disconnected", now_ms - 500))
    assert (await bed.session()).status == "connected"
    await bed.tell(report(SessionReported, now_ms, status="qr", raw_timestamp="yesterday"))
    assert (await bed.session()).status == "qr", "what bears no time that can be read always counts"
