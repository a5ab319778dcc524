"""Why a message is where it is, word for word: each way that a message can go, and each thing that holds it up."""

from uuid import UUID

import pytest

from dispatcher.domain import campaign as campaigns
from dispatcher.domain import recipient_events as event
from dispatcher.domain.recipient import INITIAL, Recipient, evolve
from dispatcher.domain.session import Limits, Session
from dispatcher.domain.status import CampaignStatus
from dispatcher.explanation.story import Happened, Unplaced, Why, explain
from dispatcher.explanation.waiting import Place
from dispatcher.projections.rows import RecipientRow
from dispatcher.translate import to_time
from support.recipients import ATTEMPT_IDS, confirmed, failed, queued, started

RUNNING = campaigns.Campaign(session_id="wa_x", stage=CampaignStatus.RUNNING)
CONNECTED = Session("connected")
GROUP = "120363000000000001@g.us"
CAMPAIGN_ID = UUID(int=7)
ERROR_420 = event.ErrorAcked(4_000, 1, 4_000, "Error 420: no", 420)
HELD = (
    started(),
    event.DeadlinePassed(302_000, 1),
    event.SendHeld(303_000, 1, "this VPS cannot look messages up"),
)


def why(
    *past: event.Event,
    campaign: campaigns.Campaign = RUNNING,
    session: Session | None = CONNECTED,
    ahead: str | None = None,
    now_ms: int = 10_000,
    sent_today: int = 0,
    decisions: tuple[campaigns.Decided, ...] = (),
    unplaced: tuple[Unplaced, ...] = (),
) -> Why:
    """Explain a recipient with this past, in these surroundings."""
    facts = (queued, *past)
    state: Recipient = INITIAL
    for fact in facts:
        state = evolve(state, fact)
    row = RecipientRow(CAMPAIGN_ID, GROUP, 0, "group", None, len(facts), state)
    history = [Happened(fact) for fact in (*facts, *decisions)]
    return explain(row, history, Place(campaign, "wa_x", session, ahead, now_ms, sent_today), unplaced)


def chain(told: Why) -> list[str]:
    return [step.what for step in told.steps]


def test_a_message_that_failed_once_was_refused_at_last_and_is_not_tried_again():
    told = why(
        started(),
        event.SendAccepted(2_100, 1),
        failed(1, 3_000),
        started(2, 63_000),
        confirmed(2, 64_000),
        event.ErrorAcked(65_000, 2, 65_000, "Error 420: no", 420, "no"),
    )
    assert (told.status, told.standing) == ("failed", "Failed after 2 attempts: Error 420: no.")
    assert told.waits_for == "nothing; it is sent again only when somebody wants that"
    assert [(step.attempt, step.what) for step in told.steps] == [
        (None, "the campaign wants it sent"),
        (
            1,
            "it is handed to the VPS as 3EB0000000000000000001; a callback may take until 1970-01-01 00:05:02 UTC",
        ),
        (1, "the VPS answers that it queued it, nothing more"),
        (
            1,
            "the VPS calls back: not sent, Connection Closed; the next attempt is due at 1970-01-01 00:01:03 UTC",
        ),
        (
            2,
            "it is handed to the VPS as 3EB0000000000000000002; a callback may take until 1970-01-01 00:06:03 UTC",
        ),
        (2, "the VPS calls back: sent at 1970-01-01 00:01:04 UTC as 3EB0000000000000000002"),
        (2, "WhatsApp refuses it by an error ack: Error 420: no; it must not be tried again"),
    ]
    assert [step.at for step in told.steps] == sorted(step.at for step in told.steps)
    assert told.steps[-1].event == "recipient.errored"


def test_a_message_that_the_vps_cannot_tell_of_waits_for_somebody():
    told = why(*HELD, now_ms=400_000)
    assert (told.status, told.standing) == ("unconfirmed", "Nobody can say whether it left.")
    assert told.waits_for == (
        "a late callback, or somebody's decision: send it again (it may arrive twice), confirm that it was sent,"
        " or give it up"
    )
    assert chain(told)[-2:] == [
        "no callback came in time; it may have left or not",
        "the VPS was asked and cannot tell: this VPS cannot look messages up; held for a late callback or an operator",
    ]


@pytest.mark.parametrize(
    ("past", "now_ms", "standing", "waits_for", "until_ms"),
    [
        ((), 10_000, "Has not left yet.",
         "its turn: it leaves in the pace of its session, next to what else is due there", None),
        ((started(), failed()), 10_000, "Waits for another attempt after: Connection Closed.",
         "the time of its next attempt", 63_000),
        ((started(),), 10_000, "On its way: handed to the VPS, which has not said what became of it.",
         "a callback of the VPS until then; after that the VPS is asked what became of it", 302_000),
        ((started(), event.OutcomeUnknown(2_500, 1, "timeout")), 10_000, "Nobody can say whether it left.",
         "a callback of the VPS until then; after that the VPS is asked what became of it", 302_000),
        ((started(), event.DeadlinePassed(302_000, 1)), 303_000, "Nobody can say whether it left.",
         "the VPS's word: it is asked what became of it, again and again until it answers", None),
        ((started(), confirmed()), 10_000, "Written to WhatsApp's socket at 1970-01-01 00:00:03 UTC.",
         "nothing; for a group there may never be another sign, and an error ack may still come", None),
        ((started(), failed(), started(2), confirmed(2)), 10_000,
         "Written to WhatsApp's socket at 1970-01-01 00:00:03 UTC, by attempt 2.",
         "nothing; for a group there may never be another sign, and an error ack may still come", None),
        ((started(), confirmed(), event.ReceiptRecorded(4_000, 1, "read", "1", 4_000)), 10_000,
         "Read; sent at 1970-01-01 00:00:03 UTC.", "nothing", None),
        ((event.Skipped(2_000, "a community parent"),), 10_000, "Left out before it was sent: a community parent.",
         "nothing", None),
        ((event.Cancelled(2_000),), 10_000, "Cancelled before it left.", "nothing", None),
    ],
)  # fmt: skip
def test_every_status_says_what_it_waits_for(
    past: tuple[event.Event, ...], now_ms: int, standing: str, waits_for: str, until_ms: int | None
):
    told = why(*past, now_ms=now_ms)
    assert (told.standing, told.waits_for) == (standing, waits_for)
    assert told.until == (to_time(until_ms) if until_ms else None)
    assert told.held_up_by == ()


@pytest.mark.parametrize(
    ("around", "held_up_by"),
    [
        ({"campaign": campaigns.Campaign(paused=True, stage=CampaignStatus.RUNNING)},
         "its campaign is paused until somebody resumes it"),
        ({"campaign": campaigns.Campaign()},
         "not all recipients of its campaign are recorded yet: repeating the request completes it"),
        ({"campaign": campaigns.Campaign(stage=CampaignStatus.SCHEDULED, scheduled_at_ms=60_000)},
         "its campaign is scheduled for 1970-01-01 00:01:00 UTC"),
        ({"campaign": campaigns.Campaign(cancelled_at_ms=1)}, "its campaign is cancelled, and it will be too"),
        ({"session": Session("connected", stopped=True, last_error="Error 463: restricted")},
         "its session wa_x is stopped until somebody resumes it: Error 463: restricted"),
        ({"session": Session("connected", paused=True)}, "its session wa_x is paused until somebody resumes it"),
        ({"session": Session("connected", paused=True, silent_since_ms=9_000)},
         "its session wa_x is paused until somebody resumes it: it fell silent at 1970-01-01 00:00:09 UTC"),
        ({"session": Session("connected", parked_until_ms=30_000, last_error="Unauthorized")},
         "its session wa_x rests until 1970-01-01 00:00:30 UTC: Unauthorized"),
        ({"session": Session("qr")}, "its session wa_x is qr"),
        ({"session": Session("connected", limits=Limits(quiet_from="22:00", quiet_to="07:00"))},
         "its session wa_x sends nothing from 22:00 to 07:00 (UTC)"),
        ({"session": Session("connected", limits=Limits(daily_cap=80)), "sent_today": 80},
         "its session wa_x has sent the 80 messages that it may send today, and goes on at 1970-01-02 00:00:00 UTC"),
        ({"ahead": "another"},
         "campaign another has a message to the same recipient on its way, whose callback comes first"),
    ],
)  # fmt: skip
def test_what_holds_a_queued_message_up_is_named(around: dict[str, object], held_up_by: str):
    told = why(**around)  # type: ignore[arg-type]  # each case gives one of them
    assert told.held_up_by == (held_up_by,)
    assert told.waits_for == "what holds it up to end"


@pytest.mark.parametrize(
    "limits", [Limits(quiet_from="12:00", quiet_to="13:00"), Limits(daily_cap=80)], ids=["hours", "cap"]
)
def test_limits_that_are_not_reached_hold_nothing_up(limits: Limits):
    told = why(session=Session("connected", limits=limits), sent_today=79)
    assert (told.held_up_by, told.waits_for) == (
        (),
        "its turn: it leaves in the pace of its session, next to what else is due there",
    )


def test_nothing_holds_a_message_up_whose_session_nobody_knows_yet():
    assert why(session=None).held_up_by == ()


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (event.SendNotTaken(3_000, 1, "the session is not connected", "no such session", 5_000),
         "the VPS certainly did not take it: the session is not connected ('no such session'); no attempt is used up,"
         " and it is tried again from 1970-01-01 00:00:05 UTC on"),
        (event.OutcomeUnknown(3_000, 1, "timeout"), "no answer that can be read: timeout; it may have left or not"),
        (event.SendConfirmed(3_000, 1, 3_000, "3EB0", "answer"), "the VPS answers that it was sent as 3EB0"),
        (event.SendConfirmed(3_000, 1, 3_000, "3EB0", "lookup"),
         "the VPS was asked: it was sent at 1970-01-01 00:00:03 UTC as 3EB0"),
        (event.SendConfirmed(3_000, 1, 3_000, "3EB0", "operator", "dana", "seen on the phone"),
         "dana says that it was sent: seen on the phone"),
        (event.SendFailed(3_000, 1, 3_000, "rejected by the VPS", "answer", "no such group", final=True),
         "the VPS refuses it: rejected by the VPS ('no such group'); it must not be tried again"),
        (event.SendFailed(3_000, 1, 3_000, "not sent, says the VPS", "lookup"),
         "the VPS was asked: it was not sent; no attempts are left"),
        (event.SendFailed(3_000, 1, 3_000, "outcome unknown (x); sent again by policy", "policy", retry_at_ms=4_000),
         "outcome unknown (x); sent again by policy; the next attempt is due at 1970-01-01 00:00:04 UTC"),
        (event.SendFailed(3_000, 1, 3_000, "no", "operator", final=True, by="dana"),
         "dana says that it was not sent; it must not be tried again"),
        (event.SendFailed(3_000, 1, 3_000, "?", "operator", retry_at_ms=3_000, by="dana", why="late"),
         "dana gives it up, although nobody knows whether it left: late;"
         " the next attempt is due at 1970-01-01 00:00:03 UTC"),
        (event.Requeued(3_000, 1, 3_000, "dana"),
         "dana wants it sent again; what failed up to attempt 1 counts no more"),
        (event.SendStarted(3_000, 2, ATTEMPT_IDS[2], "3EB0", 4_000, "key"),
         "it is handed to the VPS as 3EB0, under the ids of an attempt that may have left;"
         " a callback may take until 1970-01-01 00:00:04 UTC"),
        (event.ReceiptRecorded(3_000, 1, "delivered", "1", 3_000),
         "a reader's phone has it since 1970-01-01 00:00:03 UTC"),
        (event.ReceiptRecorded(3_000, 1, "read", "1", 3_000), "a reader has read it at 1970-01-01 00:00:03 UTC"),
        (event.ReceiptRecorded(3_000, 1, "read", "1", 3_000, 0),
         "another receipt of a reader that was counted already"),
        (event.ReactionChanged(3_000, 1, "1", True, 1, 3_000, "+"), "a reader reacts ('+')"),
        (event.ReactionChanged(3_000, 1, "1", False, -1, 3_000), "a reader takes a reaction back"),
    ],
)  # fmt: skip
def test_every_fact_has_its_words(fact: event.Event, words: str):
    assert chain(why(started(), fact))[-1] == words


def test_what_was_decided_about_the_campaign_stands_in_the_chain_in_its_time():
    told = why(
        started(),
        confirmed(),
        decisions=(campaigns.Paused(1_500, "dana", "lunch"), campaigns.Resumed(1_800, "dana")),
    )
    assert chain(told)[1:3] == ["dana paused the campaign: lunch", "dana let the campaign go on"]


def test_callbacks_that_nobody_could_place_are_told():
    told = why(
        started(),
        unplaced=(
            Unplaced("r1", "message.sent", "ambiguous", 5_000),
            Unplaced("r2", "message.errored", "not_yet_known", 6_000),
        ),
    )
    assert [(callback.id, callback.what) for callback in told.unplaced_callbacks] == [
        ("r1", "message.sent: more than one message was open here, so it was not applied to any"),
        ("r2", "message.errored: no message is known that it is about, and it waits for one"),
    ]
