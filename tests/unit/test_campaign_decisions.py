"""What people want of a campaign: which states allow it, and what it then means for the campaign's status."""

import pytest

from dispatcher.domain.campaign import (
    Accepted,
    Campaign,
    Cancelled,
    ConfirmOrdered,
    Content,
    Event,
    Finished,
    Moved,
    Paused,
    QueuedUp,
    Resumed,
    RetryOrdered,
    Revised,
    Scheduled,
    Started,
    VerifyOrdered,
    conclude,
    evolve,
    queue_up,
)
from dispatcher.domain.campaign_commands import Cancel, Confirm, Move, Pause, Resume, Retry, Verify
from dispatcher.domain.campaign_decider import Rejected, decide
from dispatcher.domain.status import CampaignStatus
from dispatcher.domain.tally import Tally

NOW = 9_000
DUE = 60_000
ACCEPTED = Accepted(1_000, "acme", "wa_x", Content("hi"), 4)
MIXED = Tally(sent=1, failed=1, unconfirmed=1, queued=1)
SETTLED = Tally(sent=3, failed=1)
PAUSED = Paused(4_000, "dana")
CANCELLED = Cancelled(4_000, "dana")
RAN = (ACCEPTED, QueuedUp(2_000), Started(3_000))
STATES: dict[str, tuple[tuple[Event, ...], Tally]] = {
    "accepted": ((ACCEPTED,), Tally(queued=2)),
    "scheduled": ((ACCEPTED, Scheduled(2_000, DUE)), Tally(queued=4)),
    "queued": ((ACCEPTED, QueuedUp(2_000)), Tally(queued=4)),
    "running": (RAN, MIXED),
    "paused": ((*RAN, PAUSED), MIXED),
    "partial": ((*RAN, Finished(5_000, CampaignStatus.PARTIAL, SETTLED)), SETTLED),
    "completed": ((*RAN, Finished(5_000, CampaignStatus.COMPLETED, Tally(sent=4))), Tally(sent=4)),
    "cancelled": ((*RAN, CANCELLED), MIXED),
}
VERBS = {
    "pause": Pause(NOW, "dana"),
    "resume": Resume(NOW, "dana"),
    "cancel": Cancel(NOW, "dana"),
    "retry": Retry(NOW, "dana"),
    "verify": Verify(NOW, "dana"),
    "confirm": Confirm(NOW, "dana", outcome="sent"),
}
TABLE = """
          pause     resume   cancel    retry     verify confirm
accepted  paused    -        cancelled -         -      -
scheduled paused    -        cancelled -         -      -
queued    paused    -        cancelled -         -      -
running   paused    -        cancelled ordered   ordered ordered
paused    -         resumed  cancelled ordered   ordered ordered
partial   finished  finished finished  ordered   ordered ordered
completed finished  finished finished  -         -      -
cancelled no        no       -         no        ordered ordered
"""
CELLS = [
    (row.split()[0], verb, expected)
    for row in TABLE.strip("\n").splitlines()[1:]
    for verb, expected in zip(VERBS, row.split()[1:], strict=True)
]
OUTCOMES = {
    "paused": {Paused},
    "resumed": {Resumed},
    "cancelled": {Cancelled},
    "ordered": {RetryOrdered, VerifyOrdered, ConfirmOrdered},
}
CODES = {"finished": "CAMPAIGN_FINISHED", "no": "CAMPAIGN_CANCELLED"}


def after(*events: Event) -> Campaign:
    campaign = Campaign()
    for event in events:
        campaign = evolve(campaign, event)
    return campaign


@pytest.mark.parametrize(("state", "verb", "expected"), CELLS, ids=[f"{s}-{v}" for s, v, _ in CELLS])
def test_each_verb_does_in_each_state_what_the_table_says(state: str, verb: str, expected: str):
    events, tally = STATES[state]
    campaign = after(*events)
    assert campaign.status == state
    decided = decide(VERBS[verb], campaign, tally)
    if isinstance(decided, Rejected):
        assert decided.code == CODES[expected]
    elif expected == "-":
        assert decided == []
    else:
        [event] = decided
        assert type(event) in OUTCOMES[expected]


@pytest.mark.parametrize(("state", "verb"), [(s, v) for s, v, _ in CELLS])
def test_the_same_twice_tells_nothing_new_of_the_campaign(state: str, verb: str):
    events, tally = STATES[state]
    campaign = after(*events)
    decided = decide(VERBS[verb], campaign, tally)
    if isinstance(decided, list) and verb in ("pause", "resume", "cancel"):
        for event in decided:
            campaign = evolve(campaign, event)
        assert decide(VERBS[verb], campaign, tally) == []


def test_a_retry_of_what_is_unconfirmed_needs_to_be_asked_for():
    campaign, tally = after(*RAN), Tally(sent=3, unconfirmed=1)
    assert decide(Retry(NOW, "dana"), campaign, tally) == []
    asked = Retry(NOW, "dana", include_unconfirmed=True)
    assert decide(asked, campaign, tally) == [RetryOrdered(NOW, "dana", None, True)]


@pytest.mark.parametrize("state", ["accepted", "scheduled", "queued", "running"])
def test_a_resume_goes_back_to_where_it_was(state: str):
    events, _ = STATES[state]
    paused = after(*events, PAUSED)
    assert paused.status is CampaignStatus.PAUSED
    assert evolve(paused, Resumed(NOW, "dana")).status == state


def test_a_campaign_that_was_paused_while_it_was_recorded_is_queued_behind_the_gate():
    paused = after(ACCEPTED, PAUSED)
    assert paused.recording
    assert queue_up(paused, Tally(queued=4), NOW) == [QueuedUp(NOW)]
    assert evolve(paused, QueuedUp(NOW)).status is CampaignStatus.PAUSED


def test_a_campaign_that_was_cancelled_while_it_was_recorded_is_never_queued():
    assert queue_up(after(ACCEPTED, CANCELLED), Tally(queued=4), NOW) == []


def test_a_scheduled_campaign_is_queued_when_it_is_due_and_not_before():
    accepted = Accepted(1_000, "acme", "wa_x", Content("hi"), 4, scheduled_at_ms=DUE)
    assert queue_up(after(accepted), Tally(queued=4), DUE - 1) == [Scheduled(DUE - 1, DUE)]
    assert queue_up(after(accepted), Tally(queued=4), DUE) == [QueuedUp(DUE)]
    scheduled = after(accepted, Scheduled(2_000, DUE))
    assert queue_up(scheduled, Tally(queued=4), DUE - 1) == []
    assert queue_up(scheduled, Tally(queued=4), DUE) == [QueuedUp(DUE)]


def test_a_paused_campaign_finishes_when_what_was_in_flight_was_all_that_was_left():
    [event] = conclude(after(*RAN, PAUSED), SETTLED, NOW)
    assert evolve(after(*RAN, PAUSED), event).status is CampaignStatus.PARTIAL


def test_while_a_campaign_that_was_reopened_is_paused_its_numbers_are_not_told_again():
    reopened = after(
        *RAN,
        Finished(5_000, CampaignStatus.PARTIAL, SETTLED),
        Revised(6_000, CampaignStatus.RUNNING, Tally(sent=3, queued=1)),
        PAUSED,
    )
    assert conclude(reopened, Tally(sent=3, processing=1), NOW) == []
    assert conclude(reopened, Tally(sent=4), NOW) == [Revised(NOW, CampaignStatus.COMPLETED, Tally(sent=4))]


def test_a_cancelled_campaign_stays_so_and_finishes_with_its_last_open_recipient():
    cancelled = after(*RAN, CANCELLED)
    assert conclude(cancelled, Tally(sent=1, processing=1, cancelled=2), NOW) == []
    tally = Tally(sent=2, cancelled=2)
    [finished] = conclude(cancelled, tally, NOW)
    assert finished == Finished(NOW, CampaignStatus.CANCELLED, tally)
    ended = evolve(cancelled, finished)
    assert (ended.status, ended.finished_at_ms) == (CampaignStatus.CANCELLED, NOW)


def test_a_late_failure_opens_a_cancelled_campaign_until_it_is_cancelled_too():
    ended = after(*RAN, CANCELLED, Finished(5_000, CampaignStatus.CANCELLED, Tally(sent=2, cancelled=2)))
    [revised] = conclude(ended, Tally(sent=1, queued=1, cancelled=2), NOW)
    opened = evolve(ended, revised)
    assert (opened.status, opened.finished_at_ms) == (CampaignStatus.CANCELLED, None)
    [again] = conclude(opened, Tally(sent=1, cancelled=3), NOW)
    assert evolve(opened, again).finished_at_ms == NOW


@pytest.mark.parametrize("state", STATES)
def test_what_is_open_moves_to_another_session_once_and_what_is_over_stays(state: str):
    events, tally = STATES[state]
    campaign = after(*events)
    wish = Move(NOW, "dana", "connected anew", session_id="wa_y")
    decided = decide(wish, campaign, tally)
    if state in ("partial", "completed", "cancelled"):
        assert decided == []
        return
    assert decided == [Moved(NOW, "dana", "connected anew", from_session_id="wa_x", session_id="wa_y")]
    moved = evolve(campaign, decided[0])
    assert (moved.session_id, moved.status) == ("wa_y", campaign.status)
    assert decide(wish, moved, tally) == []


def test_an_attempt_of_before_the_first_move_used_the_first_session_however_often_it_moves():
    campaign, tally = after(*RAN), MIXED
    for session_id in ("wa_y", "wa_z", "wa_x"):
        (moved,) = decide(Move(NOW, "dana", session_id=session_id), campaign, tally)
        campaign = evolve(campaign, moved)
        assert campaign.session_of(None) == "wa_x"
    assert campaign.session_of("wa_y") == "wa_y"


def test_a_campaign_with_nobody_open_is_finished_by_its_cancellation():
    tally = Tally(skipped=2)
    assert decide(Cancel(NOW, "dana"), after(ACCEPTED), tally) == [
        Cancelled(NOW, "dana"),
        Finished(NOW, CampaignStatus.CANCELLED, tally),
    ]
