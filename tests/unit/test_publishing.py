"""Every recorded event is published, and nothing that is ours alone leaks."""

from datetime import datetime
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from contracts import events as published
from contracts.envelope import type_of
from dispatcher.domain import campaign, group, recipient_events, session
from dispatcher.domain.status import CampaignStatus
from dispatcher.domain.tally import Tally
from dispatcher.publishing import publishable, subject_of
from dispatcher.store.postgres import Stored
from dispatcher.translate import EARLIEST, LATEST, to_ms, to_time

CAMPAIGN, JID, EVENT = UUID(int=1), "120363000000000001@g.us", UUID(int=9)
NOON_MS = 1_700_000_000_000
NOON = "2023-11-14T22:13:20Z"
KEY = "the-idempotency-key"

CAMPAIGN_EVENTS = [
    campaign.Accepted(1, "acme", "wa_x", campaign.Content("hi"), 3, "high", 750),
    campaign.QueuedUp(1),
    campaign.Started(1),
    campaign.Finished(1, CampaignStatus.PARTIAL, Tally(sent=1, read=1, failed=1)),
    campaign.Revised(1, CampaignStatus.FAILED, Tally(failed=3)),
    campaign.Scheduled(1, NOON_MS),
    campaign.Paused(1, "ann", "wrong text"),
    campaign.Resumed(1, "ann"),
    campaign.Cancelled(1, "ann"),
    campaign.RetryOrdered(1, "ann", None, True),
    campaign.VerifyOrdered(1, "ann"),
    campaign.ConfirmOrdered(at_ms=1, by="ann", outcome="sent"),
    campaign.Moved(1, "ann", None, from_session_id="wa_x", session_id="wa_y"),
]
RECIPIENT_EVENTS = [
    recipient_events.Queued(1, NOON_MS, "group", 0, "lead 7"),
    recipient_events.Skipped(1, "community parent"),
    recipient_events.Cancelled(1),
    recipient_events.SendStarted(1, 2, "attempt", "3EB0A", NOON_MS, KEY, "wa_y"),
    recipient_events.SendAccepted(1, 2),
    recipient_events.SendNotTaken(1, 2, "busy", "slow down", NOON_MS),
    recipient_events.OutcomeUnknown(1, 2, "timeout"),
    recipient_events.DeadlinePassed(1, 2),
    recipient_events.SendHeld(1, 2, "cannot tell"),
    recipient_events.SendConfirmed(1, 2, NOON_MS, "3EB0A", "callback"),
    recipient_events.SendFailed(1, 2, NOON_MS, "closed", "callback", vps_error="closed", retry_at_ms=NOON_MS),
    recipient_events.ErrorAcked(1, 2, NOON_MS, "Error 420: no", 420, "no"),
    recipient_events.Requeued(1, 2, NOON_MS, "ann"),
    recipient_events.ReceiptRecorded(1, 2, "read", "9198", NOON_MS),
    recipient_events.ReactionChanged(1, 2, "9198", True, 1, NOON_MS, "+"),
]
SESSION_EVENTS = [
    session.Used(1, "acme"),
    session.Parked(1, NOON_MS, "503"),
    session.Stopped(1, "463"),
    session.Resumed(1, 2),
    session.Reported(1, "qr", "9198", "verification", "we believed connected", NOON_MS),
    session.FellSilent(1, NOON_MS, "no callback"),
    session.Paused(1, "ann", "lunch"),
    session.Released(1, "ann"),
    session.Configured(1, "ann", session.Limits(3, "22:00", "07:00", "Asia/Jerusalem")),
    session.GroupsSynced(1, 4, 2, 1),
    session.Moved(1, "ann", None, "wa_y"),
]
GROUP_EVENTS = [
    group.Seen(1, 1, group.Listing("Team", 3, True, False, "https://chat.example/x")),
    group.ParentFound(1),
    group.Gone(1),
    group.Refused(1, "Error 420: no"),
    group.MemberMoved(1, "9198", True, NOON_MS),
    group.CarriedOver(1, "ann", None, "wa_y", group.Group(group.Listing("Team"), 1)),
]
OF_SESSION, OF_GROUP = "session-wa.x", f"group-wa.x+{JID}"
OF_SESSIONS = [(OF_SESSION, event) for event in SESSION_EVENTS] + [
    (OF_GROUP, event) for event in GROUP_EVENTS
]
OF_CAMPAIGN, OF_RECIPIENT = f"campaign-{CAMPAIGN}", f"recipient-{CAMPAIGN}+{JID}"
ALL = [(OF_CAMPAIGN, event) for event in CAMPAIGN_EVENTS] + [
    (OF_RECIPIENT, event) for event in RECIPIENT_EVENTS
]


def stored(stream: str, event: msgspec.Struct, status: str) -> Stored:
    kind = str(event.__struct_config__.tag)
    content = msgspec.Raw(msgspec.json.encode(event))
    return Stored(stream, 4, kind, content, status, "acme", "story", "cause", NOON_MS, 77, EVENT)


def published_as(stream: str, event: msgspec.Struct, status: str = "failed") -> dict[str, object]:
    """Return what is on the wire."""
    message = publishable(stored(stream, event, status))
    body = msgspec.json.encode(message)
    assert msgspec.json.decode(body, type=published.Event) == message
    return msgspec.json.decode(body)


def test_every_kind_of_event_is_tried_here():
    assert {type(event) for event in CAMPAIGN_EVENTS} == set(get_args(campaign.Event)) - {campaign.Repeated}
    assert {type(event) for event in RECIPIENT_EVENTS} == set(get_args(recipient_events.Event))
    assert {type(event) for event in SESSION_EVENTS} == set(get_args(session.Event))
    assert {type(event) for event in GROUP_EVENTS} == set(get_args(group.Event))


@pytest.mark.parametrize(("stream", "event"), ALL, ids=lambda value: getattr(type(value), "__name__", ""))
def test_an_event_is_published_under_its_stored_name_with_its_envelope(stream: str, event: msgspec.Struct):
    body = published_as(stream, event)
    envelope = ("id", "time", "tenant", "correlation", "causation", "position", "status", "broadcast_id")
    told = (str(EVENT), NOON, "acme", "story", "cause", 77, "failed", str(CAMPAIGN))
    assert tuple(body[name] for name in envelope) == told
    assert body["type"] == str(event.__struct_config__.tag)
    assert body.get("recipient") == (JID if stream == OF_RECIPIENT else None)


@pytest.mark.parametrize(("stream", "event"), ALL, ids=lambda value: getattr(type(value), "__name__", ""))
def test_what_is_ours_alone_does_not_leak(stream: str, event: msgspec.Struct):
    body = published_as(stream, event)
    assert not body.keys() & {"idempotency_key", "deadline_ms", "at_ms", "final", "message", "content"}
    assert KEY not in msgspec.json.encode(body).decode()


def test_every_published_event_is_told_by_something_that_is_recorded():
    recorded = {str(event.__struct_config__.tag) for _, event in (*ALL, *OF_SESSIONS)}
    answers = {"campaign.command_accepted", "campaign.command_rejected"}
    assert {type_of(kind) for kind in get_args(published.Event)} == recorded | answers


def test_times_are_told_as_times_and_totals_as_counts():
    failed = published_as(OF_RECIPIENT, RECIPIENT_EVENTS[10])
    assert (failed["failed_at"], failed["retry_at"], failed["vps_error"]) == (NOON, NOON, "closed")
    finished = published_as(OF_CAMPAIGN, CAMPAIGN_EVENTS[3])
    assert (finished["sent_count"], finished["failed_count"]) == (2, 1)
    assert finished["counts"] == msgspec.structs.asdict(Tally(sent=1, read=1, failed=1))


def test_an_error_ack_is_told_with_its_code():
    assert published_as(OF_RECIPIENT, RECIPIENT_EVENTS[11])["error_code"] == 420


@pytest.mark.parametrize(
    ("stream", "event"), OF_SESSIONS, ids=lambda value: getattr(type(value), "__name__", "")
)
def test_events_of_sessions_and_groups_are_published_under_their_session(stream: str, event: msgspec.Struct):
    kind = str(event.__struct_config__.tag)
    body = published_as(stream, event, "sendable")
    assert (body["type"], body["session_id"], body["position"]) == (kind, "wa.x", 77)
    assert (body["tenant"], body["status"]) == ("acme", "sendable")
    assert body.get("group_jid") == (JID if stream == OF_GROUP else None)
    message = publishable(stored(stream, event, "sendable"))
    assert message
    assert subject_of(message) == f"wa.event.{kind}.wa=2Ex"


def test_what_a_session_and_a_group_tell_is_in_the_published_language():
    parked, configured = (
        published_as(OF_SESSION, SESSION_EVENTS[1]),
        published_as(OF_SESSION, SESSION_EVENTS[8]),
    )
    assert (parked["until"], parked["error"], parked["told"]) == (NOON, "503", False)
    assert configured["limits"] == {
        "daily_cap": 3,
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "timezone": "Asia/Jerusalem",
    }
    seen, moved = (
        published_as(OF_GROUP, GROUP_EVENTS[0], "sendable"),
        published_as(OF_GROUP, GROUP_EVENTS[4], "sendable"),
    )
    assert (seen["name"], seen["member_count"], seen["is_admin"]) == ("Team", 3, True)
    assert (moved["participant"], moved["present"], moved["moved_at"]) == ("9198", True, NOON)


@pytest.mark.parametrize(
    ("at_ms", "told"),
    [
        (to_ms(LATEST), LATEST),
        (10**30, LATEST),
        (to_ms(EARLIEST) - 1, EARLIEST),
        (-(10**30), EARLIEST),
        (to_ms(EARLIEST), EARLIEST),
        (NOON_MS, datetime.fromisoformat(NOON)),
    ],
)
def test_a_time_that_no_calendar_has_is_told_as_the_last_or_the_first_one(at_ms: int, told: datetime):
    assert to_time(at_ms) == told


def test_a_campaign_and_a_retry_that_are_due_after_the_year_9999_are_published():
    due_ms, last = to_ms(LATEST) + 60_000, msgspec.json.decode(msgspec.json.encode(LATEST))
    failed = recipient_events.SendFailed(1, 2, due_ms, "closed", "callback", retry_at_ms=due_ms)
    assert published_as(OF_CAMPAIGN, campaign.Scheduled(1, due_ms))["due_at"] == last
    assert published_as(OF_RECIPIENT, failed)["retry_at"] == last
