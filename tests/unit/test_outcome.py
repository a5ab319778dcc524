"""The history of deliveries: what each step adds to it."""

import pytest

from dispatcher.api.history import span_view
from dispatcher.domain import recipient_events as event
from dispatcher.domain.outcome import Outcome, outcome_of
from dispatcher.domain.recipient import INITIAL, evolve
from support.recipients import confirmed, failed, queued, started

UNKNOWN = event.OutcomeUnknown(2_500, 1, "timeout")
REFUSED = event.ErrorAcked(4_000, 1, 4_000, "Error 420: no", 420)
WELL_SOON = event.ErrorAcked(4_000, 1, 4_000, "Error 428: no", 428, final=False, retry_at_ms=64_000)
READ = event.ReceiptRecorded(6_000, 1, "read", "1", 6_000)


def by(source: str, **fields: object) -> event.SendFailed:
    return event.SendFailed(9_000, 1, 9_000, "no", source, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("past", "step", "added"),
    [
        ((), started(), None),
        ((started(),), UNKNOWN, None),
        ((started(),), confirmed(), Outcome(sent=1, responses=1, response_ms=1_000, slowest_ms=1_000)),
        ((started(), UNKNOWN), confirmed(at_ms=9_000),
         Outcome(sent=1, responses=1, response_ms=7_000, slowest_ms=7_000)),
        ((started(),), READ, Outcome(sent=1, responses=1, response_ms=4_000, slowest_ms=4_000)),
        ((started(), confirmed()), READ, None),
        ((started(), confirmed()), REFUSED, Outcome(failed=1)),
        ((started(),), REFUSED, Outcome(failed=1, responses=1, response_ms=2_000, slowest_ms=2_000)),
        ((started(),), failed(), Outcome(retried=1, responses=1, response_ms=1_000, slowest_ms=1_000)),
        ((started(),), WELL_SOON, Outcome(retried=1, responses=1, response_ms=2_000, slowest_ms=2_000)),
        ((started(),), failed(retry_at_ms=None), Outcome(failed=1, responses=1, response_ms=1_000, slowest_ms=1_000)),
        ((started(),), by("answer", final=True), Outcome(failed=1, responses=1, response_ms=7_000, slowest_ms=7_000)),
        ((started(), UNKNOWN), by("lookup", retry_at_ms=10_000), Outcome(retried=1)),
        ((started(), UNKNOWN), by("policy", retry_at_ms=10_000), Outcome(retried=1)),
        ((started(), UNKNOWN), by("operator", retry_at_ms=9_000), None),
        ((started(), UNKNOWN), by("operator", final=True), Outcome(failed=1)),
        ((started(), UNKNOWN), event.SendConfirmed(9_000, 1, 9_000, "3EB0", "lookup"), Outcome(sent=1)),
        ((started(), UNKNOWN), event.SendConfirmed(9_000, 1, 9_000, "3EB0", "operator", "dana"), Outcome(sent=1)),
        ((started(),), event.SendNotTaken(3_000, 1, "503", None, 9_000), None),
        ((), event.Cancelled(2_000), None),
    ],
)  # fmt: skip
def test_each_step_adds_what_came_of_the_message(
    past: tuple[event.Event, ...], step: event.Event, added: Outcome | None
):
    state = INITIAL
    for fact in (queued, *past):
        state = evolve(state, fact)
    assert outcome_of(state, evolve(state, step), step) == added


def test_rates_are_parts_of_what_was_settled_and_times_of_what_was_told():
    view = span_view(
        600_000, Outcome(sent=3, failed=1, retried=2, responses=4, response_ms=2_002, slowest_ms=900)
    )
    assert (view.success_rate, view.failure_rate) == (0.75, 0.25)
    assert (view.response_ms_average, view.response_ms_slowest) == (500, 900)
    assert (view.ends_at - view.begins_at).total_seconds() == 300
    nothing = span_view(0, Outcome(retried=1))
    assert (nothing.success_rate, nothing.response_ms_average, nothing.response_ms_slowest) == (
        None,
        None,
        None,
    )
