"""The rules of one recipient: given a past, when something is wanted or heard, then these facts."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from dispatcher.domain import recipient_commands as command
from dispatcher.domain import recipient_events as event
from dispatcher.domain.recipient_decisions import refusal_of
from dispatcher.domain.status import Status
from support.recipients import ATTEMPT_IDS, MESSAGE_IDS, Given, confirmed, failed, queued, started

NOW = 10_000
FIRST, SECOND = MESSAGE_IDS[1], MESSAGE_IDS[2]


def start(now_ms: int = NOW, attempt_id: str = ATTEMPT_IDS[2], message_id: str = SECOND) -> command.StartSend:
    return command.StartSend(now_ms, attempt_id, message_id, now_ms + 1)


def sent(attempt: int = 1, at_ms: int = 4_000, message_id: str | None = FIRST) -> command.RecordSent:
    return command.RecordSent(NOW, attempt, at_ms, message_id, "callback")


def not_sent(attempt: int = 1, at_ms: int = 4_000) -> command.RecordFailed:
    return command.RecordFailed(NOW, attempt, at_ms, "Connection Closed", "callback")


def error_ack(code: int = 420, attempt: int = 1, at_ms: int = 5_000) -> command.RecordErrorAck:
    return command.RecordErrorAck(NOW, attempt, at_ms, code, "no")


def receipt(kind: str, attempt: int = 1, reader: str = "1", at_ms: int = 6_000) -> command.RecordReceipt:
    return command.RecordReceipt(NOW, attempt, at_ms, kind, reader)


final = event.SendFailed(3_000, 1, 3_000, "no", "answer", final=True)
PASTS = {
    "queued": [queued],
    "processing": [queued, started()],
    "unconfirmed": [queued, started(), event.DeadlinePassed(3_000, 1)],
    "held": [queued, started(), event.DeadlinePassed(3_000, 1), event.SendHeld(3_100, 1, "cannot tell")],
    "sent": [queued, started(), confirmed()],
    "delivered": [queued, started(), confirmed(), event.ReceiptRecorded(3_500, 1, "delivered", "9", 3_500)],
    "read": [queued, started(), confirmed(), event.ReceiptRecorded(3_500, 1, "read", "9", 3_500)],
    "failed": [queued, started(), final],
    "refused": [queued, started(), confirmed(), event.ErrorAcked(4_000, 1, 4_000, "Error 420: no", 420)],
    "retry due": [queued, started(), failed()],
    "not taken": [queued, started(), event.SendNotTaken(3_000, 1, "503", None, 9_000)],
    "requeued": [queued, started(), final, event.Requeued(3_500, 1, 3_500, "dana")],
    "skipped": [queued, event.Skipped(3_000, "community parent")],
    "cancelled": [queued, event.Cancelled(3_000)],
    "late cancelled": [queued, started(), failed(), event.Cancelled(3_500)],
}
REPORTS = {
    "start": start(),
    "accepted": command.RecordAccepted(NOW, 1),
    "rejected": command.RecordRejected(NOW, 1, "rejected", "bad"),
    "not taken": command.RecordNotTaken(NOW, 1, "503", None, 20_000),
    "unknown": command.RecordUnknown(NOW, 1, "timeout"),
    "sent": sent(),
    "failed": not_sent(),
    "error 420": error_ack(420),
    "error 428": error_ack(428),
    "delivered": receipt("delivered"),
    "read": receipt("read"),
    "expire": command.Expire(NOW, 1),
    "hold": command.Hold(NOW, 1, "cannot tell"),
    "cancel": command.Cancel(NOW),
    "retry": command.Retry(NOW, "dana"),
    "retry all": command.Retry(NOW, "dana", include_unconfirmed=True),
    "retry now": command.Retry(NOW, "dana", pending=True),
    "say sent": command.Confirm(NOW, "sent", "dana"),
    "say failed": command.Confirm(NOW, "failed", "dana"),
}
TABLE = """
               start       accepted    rejected    not taken   unknown     sent        failed      error 420   error 428   delivered   read        expire      hold        cancel      retry       retry all   retry now   say sent    say failed
queued         processing  -           -           -           -           -           -           -           -           -           -           -           -           cancelled   -           -           -           -           -
processing     -           processing  failed      queued      unconfirmed sent        queued      failed      queued      delivered   read        unconfirmed processing  -           -           -           -           -           -
unconfirmed    -           unconfirmed failed      queued      -           sent        queued      failed      queued      delivered   read        -           unconfirmed -           -           queued      -           sent        failed
held           -           unconfirmed failed      queued      -           sent        queued      failed      queued      delivered   read        -           -           -           -           queued      -           sent        failed
sent           -           -           sent        -           -           -           sent        failed      queued      delivered   read        -           -           -           -           -           -           -           -
delivered      -           -           delivered   -           -           -           delivered   delivered   delivered   delivered   read        -           -           -           -           -           -           -           -
read           -           -           read        -           -           -           read        read        read        read        read        -           -           -           -           -           -           -           -
failed         -           -           -           -           -           sent        -           failed      failed      delivered   read        -           -           -           queued      queued      queued      sent        -
refused        -           -           failed      -           -           -           failed      -           -           delivered   read        -           -           -           queued      queued      queued      sent        -
retry~due      processing  -           failed      -           -           sent        -           failed      queued      delivered   read        -           -           cancelled   -           -           queued      -           -
not~taken      processing  -           failed      -           -           sent        queued      failed      queued      delivered   read        -           -           cancelled   -           -           -           -           -
requeued       processing  -           -           -           -           sent        -           queued      queued      delivered   read        -           -           cancelled   -           -           -           -           -
skipped        -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -
cancelled      -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -           -
late~cancelled -           -           cancelled   -           -           sent        -           cancelled   cancelled   delivered   read        -           -           -           -           -           -           -           -
"""  # noqa: E501  # a table is read as one
CELLS = [
    (row.split()[0].replace("~", " "), column, expected)
    for row in TABLE.strip("\n").splitlines()[1:]
    for column, expected in zip(REPORTS, row.split()[1:], strict=True)
]


@pytest.mark.parametrize(("past", "report", "expected"), CELLS, ids=[f"{p}-{r}" for p, r, _ in CELLS])
def test_each_report_moves_each_state_as_the_table_says(past: str, report: str, expected: str):
    recipient = Given(*PASTS[past]).when(REPORTS[report])
    if expected == "-":
        recipient.then_nothing()
    else:
        assert recipient.facts
        assert recipient.state.status == expected


def test_the_table_has_every_state_and_every_report():
    assert {past for past, _, _ in CELLS} == PASTS.keys()
    assert {report for _, report, _ in CELLS} == REPORTS.keys()


def test_a_send_starts_with_the_ids_that_were_reserved_for_it():
    Given(queued).when(start(NOW, ATTEMPT_IDS[1], FIRST)).then(
        event.SendStarted(NOW, 1, ATTEMPT_IDS[1], FIRST, NOW + 1)
    )


def test_the_same_callback_twice_changes_nothing():
    Given(queued, started(), confirmed()).when(sent(at_ms=3_000)).then_nothing()


def test_a_failure_is_tried_again_by_backoff():
    recipient = Given(queued, started()).when(not_sent(at_ms=4_000))
    assert (recipient.state.status, recipient.state.due_at_ms) == (Status.QUEUED, 64_000)


YEAR_MS = 365 * 86_400_000


@pytest.mark.parametrize("told_at_ms", [NOW + YEAR_MS, NOW - YEAR_MS])
@pytest.mark.parametrize("tell", [not_sent, partial(error_ack, 428)])
def test_whatever_the_clock_of_the_vps_shows_a_retry_waits_for_one_backoff(
    tell: Callable[..., command.Command], told_at_ms: int
):
    recipient = Given(queued, started()).when(tell(at_ms=told_at_ms))
    due_at_ms = recipient.state.due_at_ms
    assert due_at_ms is not None
    assert 2_000 + 60_000 <= due_at_ms <= NOW + 60_000
    assert recipient.state.standing_failure
    assert recipient.state.standing_failure.at_ms == told_at_ms, "the evidence stays what was told"
    facts = list(recipient.facts)
    recipient.when(msgspec.structs.replace(tell(at_ms=told_at_ms), now_ms=NOW + 5_000)).then(*facts)


def test_a_late_callback_stops_the_resend():
    recipient = Given(queued, started(), failed()).when(sent())
    assert recipient.state.status is Status.SENT
    assert recipient.when(start()).state.status is Status.SENT


def test_attempts_are_used_up():
    recipient = Given(queued)
    for number in (1, 2, 3):
        recipient.when(start(attempt_id=f"00000000-0000-4000-8000-00000000000{number}"), not_sent(number))
    assert recipient.state.status is Status.FAILED
    assert [attempt.number for attempt in recipient.state.attempts] == [1, 2, 3]


def test_an_attempt_that_was_not_taken_is_not_used_up():
    recipient = Given(*PASTS["not taken"]).when(start())
    assert [(attempt.number, attempt.id) for attempt in recipient.state.attempts] == [(1, ATTEMPT_IDS[2])]


refused_and_failed = [*PASTS["not taken"], failed(1, 3_500)]
third = start(attempt_id="00000000-0000-4000-8000-000000000003", message_id="3EB0000000000000000003")


def test_an_attempt_that_was_not_taken_and_has_failed_keeps_its_number():
    first, second = Given(*refused_and_failed).when(start()).state.attempts
    assert [(first.number, first.id), (second.number, second.id)] == [
        (1, ATTEMPT_IDS[1]),
        (2, ATTEMPT_IDS[2]),
    ]
    settled = Given(*refused_and_failed).when(start(), not_sent(1, 3_400), error_ack(420, 1))
    assert settled.state.status is Status.PROCESSING


REQUEUED = [*refused_and_failed, event.Requeued(4_000, 1, 4_000, "dana")]
ENDS_FOR_GOOD = {
    "given up while it is held": [
        command.Expire(NOW, 2),
        command.Hold(NOW, 2, "cannot tell"),
        command.Confirm(NOW, "failed", "dana"),
    ],
    "error 420": [error_ack(420, 2)],
    "error 463": [error_ack(463, 2)],
    "rejected": [command.RecordRejected(NOW, 2, "rejected", "bad")],
}


@pytest.mark.parametrize("ends", ENDS_FOR_GOOD.values(), ids=ENDS_FOR_GOOD.keys())
def test_what_ends_another_try_after_one_that_was_not_taken_and_failed_ends_it_for_good(
    ends: list[command.Command],
):
    assert Given(*REQUEUED).when(start(), *ends).state.status is Status.FAILED


def test_another_try_that_was_not_taken_is_due_when_it_may_be_made_again():
    again = Given(*REQUEUED).when(start(), command.RecordNotTaken(NOW, 2, "503", None, 20_000)).state
    assert (again.status, again.due_at_ms, again.next_number) == (Status.QUEUED, 20_000, 2)


def test_a_final_failure_of_attempt_1_stops_attempt_2_that_was_not_taken():
    not_taken = command.RecordNotTaken(NOW, 2, "503", None, 20_000)
    past = [queued, started(1), failed(1), started(2, 70_000)]
    for order in ((error_ack(420, 1), not_taken), (not_taken, error_ack(420, 1))):
        stopped = Given(*past).when(*order)
        assert (stopped.state.status, stopped.state.due_at_ms) == (Status.FAILED, None)
        again = stopped.when(command.Retry(NOW, "dana"))
        assert (again.state.status, again.state.due_at_ms) == (Status.QUEUED, NOW)
        assert again.when(third).state.attempts[-1].number == 3


def test_a_late_failure_of_attempt_1_cannot_fail_a_success_of_attempt_2():
    past = [queued, started(1), failed(1), started(2, 70_000), confirmed(2, 71_000)]
    for report in (not_sent(1, 2_500), error_ack(420, 1)):
        assert Given(*past).when(report).state.status is Status.SENT


def test_a_final_error_of_attempt_1_stops_the_retries_once_attempt_2_has_failed():
    past = [queued, started(1), failed(1), started(2, 70_000)]
    assert Given(*past).when(error_ack(420, 1)).state.status is Status.PROCESSING
    assert Given(*past).when(error_ack(420, 1), not_sent(2)).state.status is Status.FAILED
    assert Given(*past).when(not_sent(2), error_ack(420, 1)).state.status is Status.FAILED


def test_stale_addressing_is_tried_once_more_and_not_twice():
    assert Given(queued, started()).when(error_ack(479)).state.status is Status.QUEUED
    second = [queued, started(1), failed(1), started(2, 70_000)]
    assert Given(*second).when(error_ack(479, 2)).state.status is Status.FAILED


def test_an_unmapped_code_is_final():
    assert Given(queued, started()).when(error_ack(999)).state.status is Status.FAILED


unknown = [queued, started(), event.DeadlinePassed(3_000, 1)]
by_policy = command.RecordFailed(NOW, 1, NOW, "outcome unknown", "policy")


def test_a_resend_that_was_not_taken_is_made_again_under_the_same_ids():
    not_taken = command.RecordNotTaken(NOW, 2, "not connected", None, NOW)
    first, again = Given(*unknown).when(by_policy, start(), not_taken, start()).state.attempts
    assert (again.number, again.idempotency_key, again.message_id) == (2, first.id, first.message_id)


def test_a_resend_began_with_the_attempt_that_it_repeats():
    state = Given(*unknown).when(by_policy, start()).state
    first, again = state.attempts
    assert first.started_at_ms < again.started_at_ms
    assert [state.begun_at_ms(one) for one in (first, again)] == [first.started_at_ms] * 2


def test_a_resend_by_policy_repeats_the_ids_so_that_an_idempotent_vps_drops_it():
    attempts = Given(*unknown).when(by_policy, start()).state.attempts
    assert attempts[1].idempotency_key == attempts[0].id
    assert attempts[1].message_id == attempts[0].message_id
    assert attempts[1].id == ATTEMPT_IDS[2]


def test_a_resend_of_what_was_certainly_not_sent_has_ids_of_its_own():
    by_lookup = command.RecordFailed(NOW, 1, NOW, "not sent, says the VPS", "lookup")
    attempts = Given(queued, started()).when(by_lookup, start()).state.attempts
    assert attempts[1].idempotency_key is None
    assert attempts[1].id == ATTEMPT_IDS[2]
    assert attempts[1].message_id == SECOND


def test_the_first_of_several_times_stands():
    recipient = Given(queued, started()).when(sent(at_ms=5_000), sent(at_ms=4_000), sent(at_ms=6_000))
    assert recipient.state.attempts[0].sent_at_ms == 4_000
    assert len(recipient.facts) == 2


def test_a_held_message_lets_others_send_to_the_same_recipient_but_still_waits_for_its_callback():
    [attempt] = Given(*PASTS["held"]).state.attempts
    assert attempt.open
    assert not attempt.in_flight


def test_somebody_who_knew_of_the_error_ack_stands_against_it_but_not_against_a_later_one():
    past = [queued, started(), event.ErrorAcked(4_000, 1, 4_000, "Error 999: no", 999)]
    by_hand = command.Confirm(NOW, "sent", "dana", "seen on the phone")
    settled = Given(*past).when(by_hand)
    settled.then(event.SendConfirmed(NOW, 1, NOW, FIRST, "operator", by="dana", why="seen on the phone"))
    assert settled.when(error_ack(999, at_ms=4_000)).state.status is Status.SENT
    unknown = Given(queued, started(), event.DeadlinePassed(3_000, 1)).when(by_hand)
    assert unknown.when(error_ack(420)).state.status is Status.FAILED


def test_late_evidence_of_success_is_stronger_than_a_word_by_hand_that_it_failed():
    past = [queued, started(), event.DeadlinePassed(3_000, 1)]
    settled = Given(*past).when(command.Confirm(NOW, "failed", "dana"))
    assert settled.state.status is Status.FAILED
    assert settled.when(sent()).state.status is Status.SENT


def test_another_try_begins_the_count_of_attempts_anew():
    recipient = Given(queued)
    for number in (1, 2, 3):
        recipient.when(start(attempt_id=f"00000000-0000-4000-8000-00000000000{number}"), not_sent(number))
    assert recipient.when(command.Retry(NOW, "dana")).state.status is Status.QUEUED
    recipient.when(start(attempt_id="00000000-0000-4000-8000-000000000004"), not_sent(4))
    assert (recipient.state.status, recipient.state.attempts[-1].number) == (Status.QUEUED, 4)


def test_an_automatic_retry_that_is_still_to_come_is_cancelled_by_another_try_now():
    waiting = Given(queued, started(), failed(retry_at_ms=63_000))
    assert waiting.state.due_at_ms == 63_000
    again = waiting.when(command.Retry(NOW, "dana", pending=True))
    assert (again.state.status, again.state.due_at_ms) == (Status.QUEUED, NOW)
    assert len(again.facts) == 1
    again.when(command.Retry(NOW, "dana", pending=True), not_sent(1))
    assert len(again.facts) == 1, "neither a repeat nor a late failure changes anything"


def test_what_failed_for_certain_is_sent_again_under_ids_of_its_own():
    past = [queued, started(), event.DeadlinePassed(3_000, 1)]
    for first in (command.Confirm(NOW, "failed", "dana"), not_sent(), error_ack(999)):
        again = Given(*past).when(first, command.Retry(NOW, "dana"), start()).state.attempts[-1]
        assert (again.number, again.idempotency_key, again.message_id) == (2, None, SECOND), first


def test_what_is_unconfirmed_is_sent_again_under_the_same_ids_so_that_an_idempotent_vps_drops_it():
    past = [queued, started(), event.DeadlinePassed(3_000, 1)]
    first, again = (
        Given(*past).when(command.Retry(NOW, "dana", include_unconfirmed=True), start()).state.attempts
    )
    assert (again.number, again.idempotency_key, again.message_id) == (2, first.id, first.message_id)


def test_what_is_in_flight_cannot_be_cancelled_but_what_comes_back_can():
    recipient = Given(queued, started()).when(command.Cancel(NOW))
    recipient.then_nothing()
    assert recipient.when(not_sent(), command.Cancel(NOW)).state.status is Status.CANCELLED
    assert recipient.when(sent()).state.status is Status.SENT


REFUSED = [
    ("unconfirmed", command.Retry(NOW, "dana"), "OUTCOME_UNKNOWN"),
    ("unconfirmed", command.Retry(NOW, "dana", include_unconfirmed=True), None),
    ("failed", command.Retry(NOW, "dana"), None),
    ("queued", command.Retry(NOW, "dana"), None),
    ("processing", command.Retry(NOW, "dana"), None),
    ("sent", command.Retry(NOW, "dana"), "NOT_FAILED"),
    ("cancelled", command.Retry(NOW, "dana"), "NOT_FAILED"),
    ("unconfirmed", command.Confirm(NOW, "sent", "dana"), None),
    ("sent", command.Confirm(NOW, "sent", "dana"), None),
    ("sent", command.Confirm(NOW, "failed", "dana"), "NOT_UNCONFIRMED"),
    ("failed", command.Confirm(NOW, "failed", "dana"), None),
    ("queued", command.Confirm(NOW, "sent", "dana"), "NOT_UNCONFIRMED"),
    ("processing", command.Confirm(NOW, "sent", "dana"), "NOT_UNCONFIRMED"),
]


@pytest.mark.parametrize(("past", "wish", "code"), REFUSED)
def test_a_decision_about_one_recipient_that_makes_no_sense_is_refused(past, wish, code):
    refused = refusal_of(wish, Given(*PASTS[past]).state)
    assert (refused.code if refused else None) == code
