"""A session rests longer each time in a row, stops when restricted, and goes on when it takes messages again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.session import (
    UNKNOWN,
    Configured,
    Event,
    FellSilent,
    Limits,
    Parked,
    Paused,
    Released,
    Reported,
    Resumed,
    Session,
    Stopped,
    Used,
    evolve,
)
from dispatcher.domain.session_decider import (
    Command,
    Configure,
    FallSilent,
    Park,
    Pause,
    Release,
    Report,
    Resume,
    Stop,
    Use,
    Verify,
    decide,
)

PARKS = (2.0, 5.0, 10.0)


def told(session: Session, *commands: Command) -> tuple[Session, list[Event]]:
    """Let a session decide on one command after the other."""
    facts: list[Event] = []
    for command in commands:
        for fact in decide(command, session, PARKS):
            session = evolve(session, fact)
            facts.append(fact)
    return session, facts


def test_each_park_in_a_row_lasts_longer_up_to_the_last_of_the_table():
    session, lengths, now = UNKNOWN, [], 0
    for _ in range(5):
        session, facts = told(session, Park(now, "503"))
        [parked] = facts
        assert isinstance(parked, Parked)
        lengths.append(parked.until_ms - now)
        now = parked.until_ms
    assert lengths == [2_000, 5_000, 10_000, 10_000, 10_000]


def test_a_parked_session_is_not_parked_again_by_answers_that_were_under_way():
    session, facts = told(UNKNOWN, Park(0, "503"), Park(1, "503"), Park(1_999, "503"))
    assert facts == [Parked(0, 2_000, "503")]
    assert session.parks == 1


def test_where_the_vps_says_for_how_long_that_counts():
    assert told(UNKNOWN, Park(100, "429", 7_000))[1] == [Parked(100, 7_100, "429", told=True)]


def test_a_message_taken_ends_the_row():
    session, facts = told(UNKNOWN, Park(0, "503"), Resume(3_000), Park(4_000, "503"))
    assert facts[1:] == [Resumed(3_000), Parked(4_000, 6_000, "503")]
    assert session.parks == 1


def test_a_message_taken_by_a_session_that_was_well_tells_nothing():
    assert told(UNKNOWN, Resume(1))[1] == []


def test_a_connected_session_goes_on_at_once():
    session, facts = told(UNKNOWN, Park(0, "503"), Report(500, "connected", "919812345678"))
    assert facts[1:] == [Reported(500, "connected", "919812345678"), Resumed(500)]
    assert (session.parked_until_ms, session.parks) == (None, 0)


def test_any_other_word_leaves_a_parked_session_parked():
    session, facts = told(UNKNOWN, Park(0, "503"), Report(500, "qr"))
    assert facts[1:] == [Reported(500, "qr")]
    assert session.parked_until_ms == 2_000


def test_a_session_stops_once_and_neither_success_nor_connection_lets_it_go_on():
    session, facts = told(
        UNKNOWN, Stop(0, "Error 463"), Stop(1, "Error 463"), Resume(2), Report(3, "connected")
    )
    assert facts == [Stopped(0, "Error 463"), Reported(3, "connected")]
    assert session.stopped


@pytest.mark.parametrize("status", ["disconnected", "qr", "connecting"])
def test_nothing_may_be_sent_while_we_believe_that_a_session_is_down(status: str):
    session, _ = told(UNKNOWN, Report(1, status))
    assert not session.may_send(10**9)
    assert told(session, Verify(2, "connected"))[0].may_send(3)


def test_the_same_report_twice_is_one_fact_and_a_missing_phone_number_keeps_the_known_one():
    reports = [Report(1, "connected", "91"), Report(2, "connected", "91"), Report(3, "connected")]
    session, facts = told(UNKNOWN, *reports)
    assert facts == [Reported(1, "connected", "91")]
    assert session.phone_number == "91"
    assert told(session, Report(4, "connected", "92"))[1] == [Reported(4, "connected", "92")]


def test_an_older_report_that_comes_later_changes_nothing():
    up, late = Report(30, "connected", told_at_ms=25), Report(31, "disconnected", told_at_ms=20)
    assert told(UP, up, late)[0].status == "connected"
    assert told(UNKNOWN, Report(9, "disconnected", told_at_ms=9), up, late)[0].status == "connected"
    parked, _ = told(UP, Report(30, "qr", told_at_ms=25), Park(30, "503"))
    assert told(parked, Report(31, "connected", told_at_ms=20)) == (parked, [])


def test_what_we_heard_ourselves_and_a_report_without_a_time_always_count():
    up = Report(30, "connected", told_at_ms=25)
    for command in (Verify(31, "disconnected"), Report(31, "disconnected")):
        session, _ = told(UNKNOWN, up, command)
        assert session.status == "disconnected"
        assert told(session, Report(32, "qr", told_at_ms=24))[0].status == "disconnected"
        assert told(session, Report(32, "qr", told_at_ms=26))[0].status == "qr"


def test_a_clock_of_the_vps_that_was_ahead_does_not_make_later_reports_old():
    session, _ = told(UNKNOWN, Report(30, "connected", told_at_ms=10**15), Report(40, "qr", told_at_ms=35))
    assert session.status == "qr"


@given(
    st.permutations([(1, "qr"), (2, "connected"), (3, "disconnected"), (4, "connected"), (5, "connected")])
)
def test_whatever_the_order_in_which_reports_come_the_latest_state_stands(reports: list[tuple[int, str]]):
    session, _ = told(UNKNOWN, *(Report(10, word, told_at_ms=at_ms) for at_ms, word in reports))
    assert session.status == "connected"


def test_a_session_keeps_its_last_error_and_when():
    session, _ = told(UNKNOWN, Park(0, "503"), Stop(7, "Error 463: restricted"))
    assert (session.last_error, session.last_error_at_ms) == ("Error 463: restricted", 7)


UP = Session("connected", phone_number="91")


def test_a_verification_that_finds_what_we_believed_tells_nothing():
    assert told(UP, Verify(1, "connected", "91"), Verify(2, "connected"))[1] == []


def test_a_verification_that_finds_something_else_corrects_it_and_keeps_the_error():
    session, facts = told(UP, Verify(5, "disconnected"))
    error = "the VPS says disconnected, and we believed connected"
    assert facts == [Reported(5, "disconnected", None, "verification", error)]
    assert (session.status, session.phone_number) == ("disconnected", "91")
    assert (session.last_error, session.last_error_at_ms) == (error, 5)
    assert session.attention == "disconnected"


def test_a_session_found_connected_is_no_error():
    session, facts = told(Session("disconnected"), Verify(5, "connected", "91"))
    assert facts == [Reported(5, "connected", "91", "verification")]
    assert session.last_error is None


@pytest.mark.parametrize("word", ["pairing", "CONNECTED?", "0"])
def test_a_word_that_nobody_knows_is_kept_and_neither_parks_nor_resumes(word: str):
    parked, _ = told(UP, Park(0, "503"))
    session, facts = told(parked, Verify(1_500, word, wanted=True))
    assert [type(fact) for fact in facts] == [Reported]
    assert (session.status, session.parked_until_ms) == (word, 2_000)


def test_a_parked_session_that_says_connected_goes_on_and_the_next_parking_still_lasts_longer():
    session, facts = told(UP, Park(0, "503"), Verify(1_500, "connected"), Park(1_600, "503"))
    assert facts == [Parked(0, 2_000, "503"), Resumed(1_500, parks=1), Parked(1_600, 6_600, "503")]
    assert session.parks == 2


def test_a_parked_session_that_is_still_down_rests_for_longer_where_messages_wait_for_it():
    down = Verify(1_500, "disconnected", wanted=True)
    session, facts = told(Session("disconnected"), Park(0, "503"), down, Verify(5_600, None, wanted=True))
    assert facts[1:] == [
        Parked(1_500, 6_500, "the VPS says disconnected"),
        Parked(5_600, 15_600, "the VPS does not tell its state"),
    ]
    assert session.parks == 3


def test_nobody_rests_for_longer_where_nothing_waits_or_before_the_time_has_come():
    parked, _ = told(Session("disconnected"), Park(0, "503"))
    assert told(parked, Verify(1_500, "disconnected"))[1] == []
    assert told(parked, Verify(500, "disconnected", wanted=True))[1] == []


def test_no_answer_says_nothing_of_a_session_that_does_not_rest():
    assert told(UP, Verify(1, None, wanted=True))[1] == []


def test_a_session_that_was_told_to_wait_waits_whatever_its_status_says():
    session, facts = told(UP, Park(0, "429", 60_000), Verify(1_000, "connected"))
    assert facts == [Parked(0, 60_000, "429", told=True)]
    assert not session.may_send(59_999)


TOLD = Park(0, "429", 60_000)
RESTS = Parked(0, 60_000, "429", told=True)


@pytest.mark.parametrize("word", ["connected", "qr"])
def test_a_session_that_was_told_to_wait_waits_whatever_the_vps_reports(word: str):
    session, facts = told(UP, TOLD, Report(1_000, "qr"), Report(1_001, word))
    assert [type(fact) for fact in facts[1:]] == [Reported] * len(facts[1:])
    assert (session.status, session.parked_until_ms) == (word, 60_000)


def test_a_message_that_another_lane_got_through_does_not_end_a_wait_that_was_told():
    session, facts = told(UP, TOLD, Resume(1_000))
    assert facts == [RESTS]
    assert not session.may_send(59_999)
    assert session.may_send(60_000)


def test_a_wait_that_is_told_to_a_session_that_rests_already_prolongs_its_rest():
    session, facts = told(UP, Park(0, "503"), Park(1, "429", 60_000), Park(2, "429", 70_000))
    assert facts[1:] == [Parked(1, 60_001, "429", told=True), Parked(2, 70_002, "429", told=True)]
    assert (session.parks, session.troubled_since_ms) == (1, 0), "it is one rest"


def test_a_wait_that_is_told_shortens_no_rest():
    session, facts = told(UP, TOLD, Park(1, "429", 59_999), Park(2, "429", 1_000), Park(3, "503"))
    assert facts == [RESTS]
    session, facts = told(UP, Park(0, "503"), Park(1, "429", 1_000), Report(2, "qr"), Report(3, "connected"))
    assert facts[1] == Parked(1, 2_000, "429", told=True)
    assert not session.may_send(1_999)


@pytest.mark.parametrize("word", ["connected", "pairing"])
def test_a_wait_that_was_told_is_over_when_its_time_has_come(word: str):
    session, facts = told(UP, TOLD, Verify(60_000, word))
    assert facts[-1] == Resumed(60_000, parks=1)
    assert (session.trouble, session.parked_until_ms) == (None, None)
    for command in (Report(60_000, "connected"), Resume(60_000)):
        assert told(UP, TOLD, command)[0].trouble is None


def test_no_answer_neither_ends_nor_prolongs_a_wait_that_was_told_and_is_over():
    assert told(UP, TOLD, Verify(60_000, None, wanted=True))[1] == [RESTS]


def test_a_session_that_is_down_is_not_put_to_another_rest_before_the_wait_that_was_told_is_over():
    down = [Verify(at_ms, "disconnected", wanted=True) for at_ms in (59_500, 60_500)]
    _, facts = told(Session("disconnected"), TOLD, *down)
    assert facts == [RESTS, Parked(60_500, 65_500, "the VPS says disconnected")]


def test_an_operator_ends_a_wait_that_was_told():
    session, facts = told(UP, TOLD, Release(1, "ann"))
    assert facts == [RESTS, Released(1, "ann")]
    assert session.may_send(1)


words = st.sampled_from(["connected", "disconnected", "connecting", "pairing"])
commands = st.one_of(
    st.builds(Park, st.just(0), st.just("no"), st.none() | st.sampled_from([0, 700, 1_500, 8_000])),
    st.builds(Resume, st.just(0)),
    st.builds(Report, st.just(0), words),
    st.builds(Verify, st.just(0), st.none() | words, wanted=st.booleans()),
)
stories = st.lists(st.tuples(st.integers(0, 3_000), commands), max_size=12)


@given(stories)
def test_whatever_else_is_heard_nothing_leaves_before_a_wait_that_was_told_is_over(
    story: list[tuple[int, Command]],
):
    session, now_ms, waits_until_ms = UP, 0, 0
    for gap_ms, command in story:
        now_ms += gap_ms
        session, _ = told(session, msgspec.structs.replace(command, now_ms=now_ms))
        if isinstance(command, Park) and command.wait_ms is not None:
            waits_until_ms = max(waits_until_ms, now_ms + command.wait_ms)
        assert now_ms >= waits_until_ms or not session.may_send(waits_until_ms - 1)


@given(stories)
def test_whatever_was_heard_a_session_whose_time_has_come_goes_on_as_soon_as_the_vps_says_connected(
    story: list[tuple[int, Command]],
):
    session, now_ms = UP, 0
    for gap_ms, command in story:
        now_ms += gap_ms
        session, _ = told(session, msgspec.structs.replace(command, now_ms=now_ms))
    now_ms = max(now_ms, session.parked_until_ms or 0)
    for command in (Verify(now_ms, "connected"), Report(now_ms, "connected")):
        after, _ = told(session, command)
        assert after.may_send(now_ms)
        assert (after.trouble, after.troubled_since_ms) == (None, None)


def test_only_somebody_lets_a_stopped_session_go_on():
    stopped, _ = told(UP, Stop(0, "Error 463"), Verify(1, "connected"), Resume(2))
    assert stopped.attention == "stopped"
    assert not stopped.may_send(10**9)
    session, facts = told(stopped, Release(3, "ann", "appealed"))
    assert facts == [Released(3, "ann", "appealed")]
    assert session.may_send(3)


def test_pausing_and_letting_go_twice_is_one_fact_each():
    session, facts = told(UP, Pause(1, "ann"), Pause(2, "bob"), Release(3, "ann"), Release(4, "ann"))
    assert facts == [Paused(1, "ann"), Released(3, "ann")]
    assert session.may_send(4)


def test_silence_pauses_once_and_counts_anew_from_when_somebody_let_it_go_on():
    silent = FallSilent(10, 4, "no callback", pauses=True)
    session, facts = told(UP, silent, silent)
    assert facts == [FellSilent(10, 4, "no callback"), Paused(10, "watchdog", "no callback")]
    assert (session.attention, session.last_error) == ("silent", "no callback")
    session, _ = told(session, Release(20, "ann"))
    assert (session.attention, session.watched_from_ms) == (None, 20)


def test_silence_that_does_not_pause_only_asks_for_attention():
    session, facts = told(UP, FallSilent(10, 4, "no callback", pauses=False))
    assert len(facts) == 1
    assert session.may_send(10)
    assert session.attention == "silent"


def test_a_session_belongs_to_the_tenant_that_first_used_it():
    session, facts = told(UNKNOWN, Use(1, "acme"), Use(2, "other"))
    assert facts == [Used(1, "acme")]
    assert session.tenant == "acme"


def test_limits_that_are_set_already_tell_nothing():
    limits = Limits(daily_cap=100, quiet_from="22:00", quiet_to="07:00", timezone="Asia/Jerusalem")
    session, facts = told(UP, Configure(1, "ann", limits), Configure(2, "bob", limits))
    assert facts == [Configured(1, "ann", limits)]
    assert session.limits == limits
