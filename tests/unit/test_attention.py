"""What somebody should look at: which messages those are, and what is said of each kind."""

from uuid import UUID

import pytest

from dispatcher.attention.items import Action, Kind, of_session, session_of
from dispatcher.attention.messages import message_item, what_happened
from dispatcher.attention.surroundings import (
    ParkedReport,
    Unreadable,
    callback_item,
    quarantined_item,
    session_item,
)
from dispatcher.domain import recipient_events as event
from dispatcher.domain import session as sessions
from dispatcher.domain.concern import Concern, Concerned, concern_of
from dispatcher.domain.recipient import INITIAL, Recipient, evolve
from dispatcher.domain.session import Session
from dispatcher.projections.rows import ConcernRow
from support.recipients import ATTEMPT_IDS, confirmed, failed, queued, started

FIRST = ATTEMPT_IDS[1]
UNKNOWN = event.OutcomeUnknown(2_500, 1, "timeout")
HELD = event.SendHeld(3_000, 1, "this VPS cannot look messages up")
REFUSED = event.ErrorAcked(4_000, 1, 4_000, "Error 420: no", 420)


def having(*past: event.Event) -> Recipient:
    state = INITIAL
    for fact in (queued, *past):
        state = evolve(state, fact)
    return state


@pytest.mark.parametrize(
    ("past", "concerned"),
    [
        ((), None),
        ((started(),), None),
        ((started(), UNKNOWN), Concerned(Concern.UNCONFIRMED, FIRST)),
        ((started(), UNKNOWN, HELD), Concerned(Concern.HELD, FIRST)),
        ((started(), UNKNOWN, HELD, confirmed()), None),
        ((started(), failed()), None),
        ((started(), failed(retry_at_ms=None)), Concerned(Concern.DEAD_LETTER, FIRST)),
        ((started(), confirmed(), REFUSED), Concerned(Concern.DEAD_LETTER, FIRST, 420)),
        ((started(), failed(retry_at_ms=None), event.Requeued(9_000, 1, 9_000, "dana")), None),
        ((started(), UNKNOWN, event.SendFailed(9_000, 1, 9_000, "no", "operator", final=True, by="dana")), None),
        ((event.Skipped(2_000, "a community parent"),), None),
        ((event.Cancelled(2_000),), None),
    ],
)  # fmt: skip
def test_what_nobody_can_tell_of_and_what_failed_for_good_concerns_somebody(
    past: tuple[event.Event, ...], concerned: Concerned | None
):
    assert concern_of(having(*past)) == concerned


@pytest.mark.parametrize(
    ("past", "words"),
    [
        ((started(), UNKNOWN), "Attempt 1 was handed to the VPS, and nobody can say whether it left."),
        ((started(), confirmed(), REFUSED), "It failed: Error 420: no."),
        ((started(), event.SendFailed(3_000, 1, 3_000, "rejected by the VPS", "answer", "no such group", final=True)),
         "It failed: rejected by the VPS. The VPS says: no such group"),
        ((started(), failed(), started(2), failed(2, retry_at_ms=None)),
         "It failed for good after 2 attempts: Connection Closed."),
    ],
)  # fmt: skip
def test_what_happened_to_a_message_is_said_in_words(past: tuple[event.Event, ...], words: str):
    assert what_happened(having(*past)) == words


def test_a_message_is_named_by_its_attempt_and_never_by_its_address():
    row = ConcernRow(UUID(int=7), "1203@g.us", "acme", "dead_letter", FIRST, 420, 4_000)
    item = message_item(row, "wa_x", having(started(), confirmed(), REFUSED))
    assert (item.id, item.kind, item.error_code) == (f"message-{FIRST}", Kind.DEAD_LETTER, 420)
    assert item.actions == (Action.RETRY, Action.CONFIRM_SENT, Action.DISMISS)


def test_a_callback_says_what_it_reports_and_that_it_was_not_applied():
    report = ParkedReport("sc-1", "message.sent", "wa_x", "1203@g.us", None, 4_000)
    ambiguous = callback_item(Kind.AMBIGUOUS_CALLBACK, report)
    assert ambiguous.what == (
        "The VPS reports message.sent, and more than one message was open there: it was applied to none."
    )
    unmatched = callback_item(Kind.UNMATCHED_CALLBACK, report)
    assert unmatched.what == "The VPS reports message.sent, and no message is known that it is about."
    assert (ambiguous.id, ambiguous.actions) == ("callback-sc-1", (Action.DISMISS,))


@pytest.mark.parametrize(
    ("session", "what", "actions"),
    [
        (Session("connected", stopped=True, last_error="Error 463: no"),
         "WhatsApp restricted the account: Error 463: no.", (Action.RETRY, Action.DISMISS)),
        (Session("connected", silent_since_ms=1, paused=True, last_error="no callback"),
         "It takes messages and never calls back, and was paused: no callback.", (Action.RETRY, Action.DISMISS)),
        (Session("connected", parked_until_ms=9, last_error="Unauthorized"),
         "It does not take messages now, and rests: Unauthorized.", (Action.RETRY, Action.DISMISS)),
        (Session("qr"), "It is not connected.", (Action.DISMISS,)),
    ],
)  # fmt: skip
def test_a_session_says_its_trouble_and_is_let_go_on_only_where_something_holds_it(
    session: Session, what: str, actions: tuple[Action, ...]
):
    item = session_item("wa_x", session)
    assert (item.what, item.actions) == (what, actions)


def test_a_trouble_lasts_until_it_is_another_one():
    state = sessions.UNKNOWN
    since = []
    for fact in (
        sessions.Reported(1, "connected"),
        sessions.Parked(2, 9, "Unauthorized"),
        sessions.Parked(10, 19, "Unauthorized"),
        sessions.Reported(11, "disconnected"),
        sessions.Resumed(12),
        sessions.Reported(13, "connected"),
        sessions.Paused(14, "ann"),
    ):
        state = sessions.evolve(state, fact)
        since.append((state.trouble, state.troubled_since_ms))
    assert since == [
        (None, None), ("parked", 2), ("parked", 2), ("disconnected", 11), ("disconnected", 11), (None, None),
        (None, None),
    ]  # fmt: skip


def test_what_could_not_be_read_is_told_without_its_reason_where_that_is_somebody_elses():
    known = quarantined_item(Unreadable("cq-1", "send-callback", "Expected `str`", 1))
    assert known.what == "What came in on send-callback could not be read: Expected `str`."
    assert quarantined_item(Unreadable("cq-1", "send-callback", None, 1)).what == (
        "What came in on send-callback could not be read."
    )


@pytest.mark.parametrize("session_id", ["wa_1", "wa-1-2", "-"])
def test_the_id_of_a_sessions_trouble_can_be_read_back(session_id: str):
    assert session_of(of_session(session_id, 1_700_000_000_000)) == (session_id, 1_700_000_000_000)


@pytest.mark.parametrize(
    "item_id", ["session-", "session-x-wa", "session-²-wa", "session-12345678901234567-wa"]
)
def test_what_is_no_id_of_a_session_is_none(item_id: str):
    assert session_of(item_id) is None
