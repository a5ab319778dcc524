"""What the API shows of a campaign and of a recipient; and the cursors of its lists."""

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.api import cursor
from dispatcher.api.problems import Refusal
from dispatcher.api.views import campaign_view, recipient_view
from dispatcher.domain import recipient_events as event
from dispatcher.domain.campaign import Campaign, Content
from dispatcher.domain.recipient import INITIAL, evolve
from dispatcher.domain.status import CampaignStatus
from dispatcher.domain.tally import Tally
from dispatcher.projections.rows import CampaignRow, RecipientRow
from dispatcher.translate import to_time
from support.recipients import MESSAGE_IDS, confirmed, failed, queued, started

CAMPAIGN = UUID(int=1)


def seen(*past: event.Event):
    """Return what is shown of a recipient with this past."""
    state = INITIAL
    for fact in past:
        state = evolve(state, fact)
    return recipient_view(RecipientRow(CAMPAIGN, "120363000000000001@g.us", 0, "group", "lead", 1, state))


def test_a_queued_recipient_has_no_attempt_yet():
    view = seen(queued)
    assert (view.status, view.attempt, view.message_id, view.error_message) == ("queued", 0, None, None)
    assert (view.queued_at, view.due_at) == (to_time(1_000), to_time(1_000))


def test_a_sent_one_shows_when_and_under_which_id():
    view = seen(queued, started(), confirmed(at_ms=3_000))
    assert (view.status, view.attempt, view.message_id) == ("sent", 1, MESSAGE_IDS[1])
    assert (view.sent_at, view.failed_at, view.error_message) == (to_time(3_000), None, None)


def test_a_failed_one_shows_the_code_our_words_and_those_of_the_vps():
    refused = event.ErrorAcked(9_000, 1, 8_000, "Error 420: no", 420, "no")
    view = seen(queued, started(), confirmed(), refused)
    assert (view.status, view.error_code, view.error_message, view.vps_error) == (
        "failed",
        420,
        "Error 420: no",
        "no",
    )
    assert (view.failed_at, view.sent_at) == (to_time(8_000), to_time(3_000))


def test_one_that_is_to_be_tried_again_shows_why_and_when_but_has_not_failed():
    view = seen(queued, started(), failed(retry_at_ms=63_000))
    assert (view.status, view.due_at, view.error_message) == ("queued", to_time(63_000), "Connection Closed")
    assert view.failed_at is None


def test_a_success_shows_no_failure_of_an_earlier_attempt():
    view = seen(queued, started(1), failed(1), started(2, 70_000), confirmed(2, 71_000))
    assert (view.status, view.attempt, view.message_id) == ("sent", 2, MESSAGE_IDS[2])
    assert (view.error_message, view.failed_at) == (None, None)


def test_readers_are_counted_and_the_first_of_them_is_shown():
    receipts = [
        event.ReceiptRecorded(9, 1, "delivered", "a", 5_000),
        event.ReceiptRecorded(9, 1, "delivered", "b", 4_000),
        event.ReceiptRecorded(9, 1, "read", "a", 6_000),
        event.ReactionChanged(9, 1, "a", True, 1, 7_000, "+"),
    ]
    view = seen(queued, started(), confirmed(), *receipts)
    assert (view.status, view.delivered_count, view.read_count, view.reaction_count) == ("read", 2, 1, 1)
    assert (view.delivered_at, view.read_at) == (to_time(4_000), to_time(6_000))


def test_a_skipped_one_shows_the_reason():
    view = seen(queued, event.Skipped(2_000, "community parent"))
    assert (view.status, view.error_message) == ("skipped", "community parent")


def test_a_campaign_shows_its_totals():
    campaign = Campaign("acme", "wa_x", Content("hi"), 4, stage=CampaignStatus.RUNNING, created_at_ms=1_000)
    view = campaign_view(CampaignRow(CAMPAIGN, 2, campaign, Tally(queued=1, sent=1, read=1, failed=1)))
    assert (view.status, view.total_recipients, view.sent_count, view.failed_count) == ("running", 4, 2, 1)
    assert (view.queued_count, view.counts["read"], sum(view.counts.values())) == (1, 1, 4)
    assert (view.created_at, view.started_at, view.finished_at) == (to_time(1_000), None, None)


@given(st.integers(0, 2**53), st.uuids())
def test_a_cursor_brings_back_its_place_and_fits_into_an_url(number: int, name: UUID):
    written = cursor.write((number, name))
    assert cursor.read(written, tuple[int, UUID]) == (number, name)
    assert set(written) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.text(max_size=30))
def test_any_other_text_is_refused_and_names_the_field(text: str):
    with pytest.raises(Refusal) as refused:
        cursor.read(text, tuple[int, UUID])
    assert (refused.value.problem.status, refused.value.problem.field) == (400, "after")


@pytest.mark.parametrize("place", ["7", [7], [7, "x"], {"a": 1}, None])
def test_a_cursor_of_another_list_is_refused(place: object):
    with pytest.raises(Refusal):
        cursor.read(cursor.write(place), tuple[int, UUID])


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (f'[{10**30}, "{UUID(int=1)}"]', tuple[int, UUID]),
        (f'[{-(2**63) - 1}, "a"]', tuple[int, str]),
        (r'[1, "a\u0000b"]', tuple[int, str]),
        (r'["a", "\u0000"]', tuple[str, str]),
        (r'"\u0000"', str),
        (f"{10**30}", int),
    ],
)
def test_a_cursor_that_the_store_cannot_take_is_refused(written: str, kind: type):
    with pytest.raises(Refusal) as refused:
        cursor.read(urlsafe_b64encode(written.encode()).decode(), kind)
    assert (refused.value.problem.status, refused.value.problem.field) == (400, "after")


def test_a_position_is_no_larger_than_the_store_keeps_them():
    assert cursor.read(cursor.write(2**31 - 1), int, bits=32) == 2**31 - 1
    with pytest.raises(Refusal):
        cursor.read(cursor.write(2**31), int, bits=32)
