"""A campaign follows its totals: started, finished, revised; one rule for its status."""

import pytest

from dispatcher.domain.campaign import (
    Accepted,
    Campaign,
    Content,
    Event,
    Finished,
    QueuedUp,
    Revised,
    Started,
    conclude,
    evolve,
    queue_up,
)
from dispatcher.domain.status import CampaignStatus
from dispatcher.domain.tally import Tally, outcome

NOW = 9_000
ACCEPTED = Accepted(1_000, "acme", "wa_x", Content("hi"), 2, "high", 750)
TWO_SENT = Tally(sent=2)


def after(*events: Event) -> Campaign:
    campaign = Campaign()
    for event in (ACCEPTED, *events):
        campaign = evolve(campaign, event)
    return campaign


QUEUED = after(QueuedUp(2_000))
RUNNING = after(QueuedUp(2_000), Started(3_000))
COMPLETED = after(QueuedUp(2_000), Started(3_000), Finished(4_000, CampaignStatus.COMPLETED, TWO_SENT))
REOPENED = evolve(COMPLETED, Revised(5_000, CampaignStatus.RUNNING, Tally(queued=1, sent=1)))


def test_an_accepted_campaign_holds_what_was_asked_for():
    assert after() == Campaign(
        "acme", "wa_x", Content("hi"), 2, "high", 750, CampaignStatus.ACCEPTED, created_at_ms=1_000
    )


def test_a_campaign_is_queued_once_all_its_recipients_are_recorded():
    assert queue_up(after(), Tally(queued=1), NOW) == []
    assert queue_up(after(), Tally(queued=2), NOW) == [QueuedUp(NOW)]
    assert queue_up(QUEUED, Tally(queued=2), NOW) == []


def test_nothing_is_concluded_while_recipients_are_still_being_recorded():
    assert conclude(after(), Tally(failed=1), NOW) == []


def test_a_campaign_starts_with_its_first_message_and_only_once():
    assert conclude(QUEUED, Tally(queued=2), NOW) == []
    assert conclude(QUEUED, Tally(queued=1, processing=1), NOW) == [Started(NOW)]
    assert conclude(RUNNING, Tally(queued=1, processing=1), NOW) == []


def test_what_was_only_skipped_or_cancelled_never_started():
    assert conclude(QUEUED, Tally(queued=1, skipped=1), NOW) == []
    assert conclude(QUEUED, Tally(skipped=1, cancelled=1), NOW) == [
        Finished(NOW, CampaignStatus.FAILED, Tally(skipped=1, cancelled=1))
    ]


@pytest.mark.parametrize(
    "tally", [Tally(sent=1, queued=1), Tally(sent=1, processing=1), Tally(sent=1, unconfirmed=1)]
)
def test_a_campaign_is_not_finished_while_one_recipient_is_open(tally: Tally):
    assert conclude(RUNNING, tally, NOW) == []


def test_a_campaign_may_start_and_finish_at_once():
    tally = Tally(failed=2)
    assert conclude(QUEUED, tally, NOW) == [Started(NOW), Finished(NOW, CampaignStatus.FAILED, tally)]


def test_a_late_error_revises_a_completed_campaign_to_partial():
    tally = Tally(sent=1, failed=1)
    assert conclude(COMPLETED, tally, NOW) == [Revised(NOW, CampaignStatus.PARTIAL, tally)]


def test_the_same_status_with_other_numbers_is_a_revision_too():
    partial = evolve(COMPLETED, Revised(5_000, CampaignStatus.PARTIAL, Tally(sent=2, failed=1)))
    tally = Tally(sent=1, failed=2)
    assert conclude(partial, tally, NOW) == [Revised(NOW, CampaignStatus.PARTIAL, tally)]


@pytest.mark.parametrize("tally", [Tally(sent=1, delivered=1), Tally(read=2), Tally(delivered=1, read=1)])
def test_receipts_alone_revise_nothing(tally: Tally):
    assert conclude(COMPLETED, tally, NOW) == []


def test_a_campaign_reopens_when_a_recipient_is_to_be_sent_again():
    tally = Tally(sent=1, queued=1)
    assert conclude(COMPLETED, tally, NOW) == [Revised(NOW, CampaignStatus.RUNNING, tally)]
    assert (REOPENED.status, REOPENED.finished_at_ms) == (CampaignStatus.RUNNING, None)


def test_while_reopened_its_numbers_are_not_told_again():
    assert conclude(REOPENED, Tally(processing=1, sent=1), NOW) == []


def test_a_reopened_campaign_is_revised_when_it_comes_to_its_end_again():
    assert conclude(REOPENED, TWO_SENT, NOW) == [Revised(NOW, CampaignStatus.COMPLETED, TWO_SENT)]
    again = evolve(REOPENED, Revised(NOW, CampaignStatus.COMPLETED, TWO_SENT))
    assert (again.status, again.finished_at_ms, again.started_at_ms) == (CampaignStatus.COMPLETED, NOW, 3_000)


def test_concluding_twice_tells_nothing_new():
    for campaign, tally in [
        (QUEUED, TWO_SENT),
        (RUNNING, Tally(failed=2)),
        (COMPLETED, Tally(sent=1, failed=1)),
    ]:
        for event in conclude(campaign, tally, NOW):
            campaign = evolve(campaign, event)  # noqa: PLW2901
        assert conclude(campaign, tally, NOW + 1) == []


@pytest.mark.parametrize(
    ("tally", "status"),
    [
        (Tally(sent=3), CampaignStatus.COMPLETED),
        (Tally(sent=1, delivered=1, read=1), CampaignStatus.COMPLETED),
        (Tally(sent=2, skipped=1, cancelled=1), CampaignStatus.COMPLETED),
        (Tally(sent=2, failed=1), CampaignStatus.PARTIAL),
        (Tally(read=1, failed=99), CampaignStatus.PARTIAL),
        (Tally(failed=3), CampaignStatus.FAILED),
        (Tally(failed=1, skipped=2), CampaignStatus.FAILED),
        (Tally(skipped=3), CampaignStatus.FAILED),
    ],
)
def test_the_outcome_of_a_campaign(tally: Tally, status: CampaignStatus):
    assert outcome(tally) is status
