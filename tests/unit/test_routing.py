"""How a report finds its attempt: the contract's rules in their order, and never by guess."""

from uuid import UUID

import pytest

from contracts.delivery import MessageDelivered, MessageErrored, MessageFailed, MessageSent
from dispatcher.domain import recipient_events as event
from dispatcher.domain.recipient import INITIAL, evolve
from dispatcher.projections.changes import Changes
from dispatcher.projections.rows import MessageIdRow, RecipientRow
from dispatcher.routing import Ambiguous, Candidates, Match, MessageReport, NotYetKnown, Route, jid_of
from dispatcher.routing import route as route_within
from support.dispatching import NOON_MS, SESSION, report
from support.recipients import ATTEMPT_IDS, MESSAGE_IDS, confirmed, failed, queued, started

JID = "120363000000000001@g.us"
ONE, TWO = UUID(int=1), UUID(int=2)
MINE, OTHERS = Match((ONE, JID), 1), Match((TWO, JID), 1)


SKEW_MS = 2_000


def route(told: MessageReport, candidates: Candidates, changes: Changes) -> Route:
    """Find whose report it is, where the clocks may be two seconds apart."""
    return route_within(told, candidates, changes, SKEW_MS)


def known(**pasts: tuple[event.Event, ...]) -> Changes:
    """Return the rows of the two campaigns, after these pasts of their recipient."""
    changes = Changes()
    for name, past in pasts.items():
        state = INITIAL
        for fact in (queued, *past):
            state = evolve(state, fact)
        key = ({"one": ONE, "two": TWO}[name], JID)
        changes.recipients[key] = RecipientRow(*key, 0, "group", None, len(past) + 1, state)
    return changes


BOTH_OPEN = known(one=(started(),), two=(started(),))
ALONE = Candidates({}, {}, {(SESSION, JID): [MINE]})
HERE = Candidates({}, {}, {(SESSION, JID): [MINE, OTHERS]})
EVERYWHERE = Candidates({ATTEMPT_IDS[1]: MINE}, {MESSAGE_IDS[2]: OTHERS}, {(SESSION, JID): [OTHERS]})


def test_the_reference_comes_first_then_the_message_id_then_the_open_attempt():
    by_all = report(MessageSent, recipient=JID, client_ref=ATTEMPT_IDS[1], message_id=MESSAGE_IDS[2])
    by_id = report(MessageSent, recipient=JID, message_id=MESSAGE_IDS[2])
    by_place = report(MessageSent, recipient=JID)
    assert [route(each, EVERYWHERE, BOTH_OPEN) for each in (by_all, by_id, by_place)] == [
        MINE,
        OTHERS,
        OTHERS,
    ]


def test_a_reference_that_is_unknown_leaves_the_message_id_but_not_the_open_attempt():
    with_id = report(MessageSent, recipient=JID, client_ref=ATTEMPT_IDS[2], message_id=MESSAGE_IDS[2])
    without = report(MessageSent, recipient=JID, client_ref=ATTEMPT_IDS[2])
    assert route(with_id, EVERYWHERE, BOTH_OPEN) == OTHERS
    assert route(without, EVERYWHERE, BOTH_OPEN) == NotYetKnown()


def test_a_message_id_that_is_unknown_leaves_the_open_attempt_because_the_vps_may_choose_its_own():
    assert route(report(MessageSent, recipient=JID, message_id="3EB0OWN"), EVERYWHERE, BOTH_OPEN) == OTHERS


def test_two_open_attempts_are_ambiguous():
    assert route(report(MessageFailed, recipient=JID, error="closed"), HERE, BOTH_OPEN) == Ambiguous()


def test_an_attempt_that_this_batch_has_settled_is_no_longer_open():
    settled = known(one=(started(), confirmed()), two=(started(),))
    assert route(report(MessageFailed, recipient=JID, error="closed"), HERE, settled) == OTHERS
    all_settled = known(one=(started(), confirmed()), two=(started(), confirmed()))
    assert route(report(MessageFailed, recipient=JID, error="closed"), HERE, all_settled) == NotYetKnown()


def test_an_attempt_that_began_after_the_report_is_not_meant():
    newer = known(one=(started(at_ms=NOON_MS),))
    for late in (
        report(MessageSent, NOON_MS - SKEW_MS - 1, recipient=JID, message_id="3EB0OWN"),
        report(MessageFailed, NOON_MS - SKEW_MS - 1, recipient=JID, error="closed"),
    ):
        assert route(late, ALONE, newer) == NotYetKnown()


def test_the_clocks_may_be_apart_by_the_skew():
    newer = known(one=(started(at_ms=NOON_MS + 1),))
    assert route(report(MessageSent, NOON_MS + 1 - SKEW_MS, recipient=JID), ALONE, newer) == MINE


def test_a_time_without_a_fraction_counts_for_its_whole_second():
    whole = report(MessageSent, NOON_MS, recipient=JID)
    within, after = NOON_MS + 999 + SKEW_MS, NOON_MS + 1_000 + SKEW_MS
    assert route(whole, ALONE, known(one=(started(at_ms=within),))) == MINE
    assert route(whole, ALONE, known(one=(started(at_ms=after),))) == NotYetKnown()


def test_a_late_report_of_an_attempt_is_about_its_repeat_too():
    again = event.SendStarted(NOON_MS, 2, ATTEMPT_IDS[2], MESSAGE_IDS[1], NOON_MS, ATTEMPT_IDS[1])
    repeated = known(one=(started(at_ms=NOON_MS - 60_000), failed(), again))
    here = Candidates({}, {}, {(SESSION, JID): [Match((ONE, JID), 2)]})
    late = report(MessageSent, NOON_MS - 30_000, recipient=JID, message_id="3EB0OWN")
    assert route(late, here, repeated) == Match((ONE, JID), 2)


def test_of_two_open_attempts_the_one_is_meant_that_had_begun():
    one_each = known(one=(started(at_ms=NOON_MS),), two=(started(at_ms=NOON_MS + 60_000),))
    assert route(report(MessageSent, NOON_MS + 5_001, recipient=JID), HERE, one_each) == MINE


def test_a_report_that_says_whose_it_is_is_believed_whatever_its_time():
    newer = known(one=(started(at_ms=NOON_MS),), two=(started(at_ms=NOON_MS),))
    by_reference = report(MessageSent, NOON_MS - 60_000, recipient=JID, client_ref=ATTEMPT_IDS[1])
    by_id = report(MessageSent, NOON_MS - 60_000, recipient=JID, message_id=MESSAGE_IDS[2])
    assert [route(each, EVERYWHERE, newer) for each in (by_reference, by_id)] == [MINE, OTHERS]


def test_a_repeat_of_a_report_without_a_name_is_about_what_it_was_about_before():
    told = report(MessageFailed, recipient=JID, error="closed")
    before = Candidates({}, {}, {(SESSION, JID): [OTHERS]}, {told.id: MINE})
    now = known(one=(started(), failed()), two=(started(),))
    another = report(MessageFailed, NOON_MS + 1, recipient=JID, error="closed")
    assert [route(each, before, now) for each in (told, another)] == [MINE, OTHERS]


def test_error_acks_and_receipts_never_go_by_what_is_open():
    error = report(MessageErrored, recipient=JID, message_id="3EB0OWN", error_code=420, error_message="no")
    receipt = report(MessageDelivered, recipient=JID, message_id="3EB0OWN")
    assert [route(each, EVERYWHERE, BOTH_OPEN) for each in (error, receipt)] == [NotYetKnown()] * 2


def test_what_is_open_on_another_session_or_for_another_recipient_is_not_meant():
    assert (
        route(report(MessageSent, recipient=JID, session_id="wa_y"), EVERYWHERE, BOTH_OPEN) == NotYetKnown()
    )
    assert route(report(MessageSent, recipient=f"9{JID}"), EVERYWHERE, BOTH_OPEN) == NotYetKnown()
    assert route(report(MessageSent, recipient=JID, session_id=None), EVERYWHERE, BOTH_OPEN) == NotYetKnown()


def test_an_id_that_this_batch_made_known_counts_before_what_the_store_knew():
    changes = known(one=(started(),), two=(started(),))
    changes.message_ids[MESSAGE_IDS[2]] = MessageIdRow(MESSAGE_IDS[2], ONE, JID, 1)
    assert route(report(MessageSent, recipient=JID, message_id=MESSAGE_IDS[2]), EVERYWHERE, changes) == MINE


def test_an_address_may_be_a_jid_or_a_number():
    forms = ["919812345678", "+919812345678", " +919812345678 ", "919812345678@s.whatsapp.net"]
    assert {jid_of(form) for form in forms} == {"919812345678@s.whatsapp.net"}
    assert jid_of(JID) == JID


REPLACED = known(
    one=(
        started(),
        event.SendNotTaken(3_000, 1, "503", None, 9_000),
        event.SendStarted(9_000, 1, ATTEMPT_IDS[2], MESSAGE_IDS[2], 309_000),
    )
)
BY_BOTH = Candidates(
    dict.fromkeys(ATTEMPT_IDS.values(), MINE),
    dict.fromkeys(MESSAGE_IDS.values(), MINE),
    {(SESSION, JID): [MINE]},
)


@pytest.mark.parametrize(
    "about",
    [
        {"client_ref": ATTEMPT_IDS[1]},
        {"client_ref": ATTEMPT_IDS[1], "message_id": MESSAGE_IDS[1]},
        {"client_ref": ATTEMPT_IDS[1], "message_id": MESSAGE_IDS[2]},
        {"message_id": MESSAGE_IDS[1]},
    ],
    ids=["by its reference", "by both", "under the ids of the one it repeats", "by its message id"],
)
def test_no_failure_of_an_attempt_that_was_not_taken_fails_the_one_that_has_its_number_now(
    about: dict[str, str],
):
    closed = report(MessageFailed, recipient=JID, error="closed", **about)
    acked = {"message_id": MESSAGE_IDS[1], **about}
    refused = report(MessageErrored, recipient=JID, error_code=420, error_message="no", **acked)
    assert [route(each, BY_BOTH, REPLACED) for each in (closed, refused)] == [NotYetKnown()] * 2


def test_what_says_that_an_attempt_that_was_not_taken_left_all_the_same_counts_for_its_recipient():
    for about in ({"client_ref": ATTEMPT_IDS[1]}, {"message_id": MESSAGE_IDS[1]}):
        assert route(report(MessageSent, recipient=JID, **about), BY_BOTH, REPLACED) == MINE


def test_a_failure_of_the_attempt_that_has_the_number_now_is_its_own():
    for about in ({"client_ref": ATTEMPT_IDS[2]}, {"message_id": MESSAGE_IDS[2]}):
        closed = report(MessageFailed, recipient=JID, error="closed", **about)
        assert route(closed, BY_BOTH, REPLACED) == MINE


def test_an_error_ack_under_any_id_that_a_sent_message_had_is_its_own():
    sent = known(one=(started(), event.SendConfirmed(3_000, 1, 3_000, "3EB0OWN", "callback")))
    refused = report(
        MessageErrored, recipient=JID, message_id=MESSAGE_IDS[1], error_code=420, error_message="no"
    )
    assert route(refused, BY_BOTH, sent) == MINE
