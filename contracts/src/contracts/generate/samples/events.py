"""Samples of published events."""

from typing import Literal, TypedDict

from contracts.envelope import Instant
from contracts.events import (
    CampaignAccepted,
    CampaignCancelled,
    CampaignCommandAccepted,
    CampaignCommandRejected,
    CampaignConfirmOrdered,
    CampaignFinished,
    CampaignMoved,
    CampaignPaused,
    CampaignQueued,
    CampaignResumed,
    CampaignRetryOrdered,
    CampaignRevised,
    CampaignScheduled,
    CampaignStarted,
    CampaignVerifyOrdered,
    Counts,
    RecipientAccepted,
    RecipientCancelled,
    RecipientDeadlinePassed,
    RecipientErrored,
    RecipientFailed,
    RecipientHeld,
    RecipientNotTaken,
    RecipientOutcomeUnknown,
    RecipientQueued,
    RecipientReaction,
    RecipientReceipt,
    RecipientRequeued,
    RecipientSent,
    RecipientSkipped,
    RecipientStarted,
    RecipientStatus,
)
from contracts.generate.samples.sample import (
    BROADCAST,
    COMMAND_ID,
    CORRELATION,
    GROUP,
    MESSAGE_ID,
    OTHER_GROUP,
    PERSON,
    READER,
    SESSION,
    Sample,
    after,
)


class Shared(TypedDict):
    """The fields that every event has."""

    id: str
    time: Instant
    correlation: str
    causation: str
    broadcast_id: str
    position: int


class SharedByRecipients(Shared):
    """The fields that every event of a recipient has."""

    recipient: str
    status: RecipientStatus


class SharedByAttempts(SharedByRecipients):
    """The fields that every event of an attempt has."""

    attempt: Literal[1, 2]


def _shared(position: int, seconds: float) -> Shared:
    return {
        "id": f"0196a1c0-7e10-7000-8000-{position:012d}",
        "time": after(seconds),
        "correlation": CORRELATION,
        "causation": COMMAND_ID,
        "broadcast_id": BROADCAST,
        "position": position,
    }


def _of(position: int, seconds: float, recipient: str, status: RecipientStatus) -> SharedByRecipients:
    return {**_shared(position, seconds), "recipient": recipient, "status": status}


def _attempt(
    position: int, seconds: float, recipient: str, status: RecipientStatus, attempt: Literal[1, 2] = 1
) -> SharedByAttempts:
    return {**_of(position, seconds, recipient, status), "attempt": attempt}


_CAMPAIGN = (
    Sample(
        CampaignAccepted(
            **_shared(101, 0.01),
            status="accepted",
            session_id=SESSION,
            total_recipients=3,
            priority="normal",
        )
    ),
    Sample(CampaignQueued(**_shared(105, 0.01), status="queued")),
    Sample(CampaignStarted(**_shared(107, 0.5), status="running")),
    Sample(
        CampaignFinished(
            **_shared(130, 130),
            status="completed",
            counts=Counts(sent=2, read=1),
            sent_count=3,
            failed_count=0,
        )
    ),
    Sample(
        CampaignRevised(
            **_shared(132, 131),
            status="partial",
            counts=Counts(sent=1, read=1, failed=1),
            sent_count=2,
            failed_count=1,
        )
    ),
)

_DECISIONS = (
    Sample(CampaignScheduled(**_shared(151, 0.01), status="scheduled", due_at=after(3600))),
    Sample(CampaignPaused(**_shared(140, 140), status="paused", by="dana", why="wrong picture")),
    Sample(CampaignResumed(**_shared(141, 150), status="running", by="dana")),
    Sample(CampaignCancelled(**_shared(142, 160), status="cancelled", by="dana", why="wrong picture")),
    Sample(
        CampaignMoved(
            **_shared(152, 165),
            status="running",
            by="dana",
            why="connected anew",
            from_session_id="wa_2a9e5d10c3b8",
            session_id=SESSION,
        )
    ),
    Sample(CampaignRetryOrdered(**_shared(143, 170), status="partial", by="dana", include_unconfirmed=True)),
    Sample(CampaignVerifyOrdered(**_shared(144, 180), status="partial", by="dana")),
    Sample(
        CampaignConfirmOrdered(
            **_shared(145, 190), status="running", by="dana", why="seen on the phone", outcome="sent"
        )
    ),
    Sample(CampaignCommandAccepted(**_shared(146, 140), status="paused", command="campaign.pause")),
    Sample(
        CampaignCommandRejected(
            **_shared(147, 200),
            status="completed",
            command="campaign.pause",
            code="CAMPAIGN_FINISHED",
            detail="the campaign is finished",
        )
    ),
    Sample(RecipientCancelled(**_of(148, 161, PERSON, "cancelled"))),
    Sample(RecipientRequeued(**_attempt(149, 171, OTHER_GROUP, "queued"), due_at=after(171), by="dana")),
    Sample(
        RecipientSent(
            **_attempt(150, 191, PERSON, "sent"),
            message_id=MESSAGE_ID,
            sent_at=after(191),
            source="operator",
            by="dana",
            why="seen on the phone",
        ),
        case="by-hand",
    ),
)

_SENDING = (
    Sample(
        RecipientQueued(**_of(102, 0.01, GROUP, "queued"), kind="group", lead_id="lead-1", due_at=after(0))
    ),
    Sample(
        RecipientQueued(**_of(104, 0.01, PERSON, "queued"), kind="person", lead_id="lead-3", due_at=after(0)),
        case="person",
    ),
    Sample(
        RecipientSkipped(
            **_of(103, 0.01, OTHER_GROUP, "skipped"), reason="a community parent takes no messages"
        )
    ),
    Sample(
        RecipientStarted(
            **_attempt(106, 0.5, GROUP, "processing"),
            attempt_id="6b0c9a52-3c1c-4a0f-8b1e-5d2f7a9c4e01",
            message_id=MESSAGE_ID,
        )
    ),
    Sample(RecipientAccepted(**_attempt(108, 0.6, GROUP, "processing"))),
    Sample(
        RecipientNotTaken(
            **_attempt(109, 1.1, OTHER_GROUP, "queued"),
            reason="the session is not connected",
            vps_error="Session not connected",
            retry_at=after(61.1),
        )
    ),
    Sample(
        RecipientOutcomeUnknown(**_attempt(110, 11.1, PERSON, "unconfirmed"), reason="no answer within 10 s")
    ),
    Sample(RecipientDeadlinePassed(**_attempt(111, 301.1, PERSON, "unconfirmed"))),
    Sample(
        RecipientHeld(
            **_attempt(112, 302, PERSON, "unconfirmed"), reason="the VPS remembers nothing of before"
        )
    ),
)

_OUTCOMES = (
    Sample(
        RecipientSent(
            **_attempt(113, 3.2, GROUP, "sent"), message_id=MESSAGE_ID, sent_at=after(3), source="callback"
        )
    ),
    Sample(
        RecipientFailed(
            **_attempt(114, 4.2, OTHER_GROUP, "queued"),
            error="Connection Closed",
            failed_at=after(4),
            source="callback",
            vps_error="Connection Closed",
            retry_at=after(64.2),
        )
    ),
    Sample(
        RecipientFailed(
            **_attempt(115, 64.9, OTHER_GROUP, "failed", attempt=2),
            error="rejected by the VPS",
            failed_at=after(64.9),
            source="answer",
            vps_error="Missing required fields: phone",
        ),
        case="for-good",
    ),
    Sample(
        RecipientErrored(
            **_attempt(131, 131, OTHER_GROUP, "failed", attempt=2),
            error="Error 420: Rate limit / community parent rejection",
            error_code=420,
            failed_at=after(131),
            vps_error="Rate limit / community parent rejection",
        )
    ),
    Sample(
        RecipientReceipt(**_attempt(116, 20.2, GROUP, "read"), kind="read", reader=READER, seen_at=after(20))
    ),
    Sample(
        RecipientReaction(
            **_attempt(117, 25.2, GROUP, "read"),
            reactor=READER,
            present=True,
            difference=1,
            emoji="👍",
            seen_at=after(25),
        )
    ),
)

SAMPLES = (*_CAMPAIGN, *_DECISIONS, *_SENDING, *_OUTCOMES)
