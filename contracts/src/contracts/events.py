"""Published events: what happened to campaigns and recipients, and to sessions and groups, for whoever subscribes.

On `wa.event.<noun>.<verb>.<broadcast_id>`, in order per campaign, at least once: drop repeats by `id`. Those of
sessions and groups have the session's id in its place, and come in order per session.
"""

from typing import Literal

import msgspec

from contracts.envelope import Instant, Message
from contracts.session_events import SessionOrGroupEvent

CampaignStatus = Literal[
    "scheduled", "accepted", "queued", "running", "paused", "completed", "partial", "failed", "cancelled"
]
"""Other systems know `partial` as `partial_failure`."""

RecipientStatus = Literal[
    "queued", "processing", "unconfirmed", "sent", "delivered", "read", "failed", "skipped", "cancelled"
]
"""Other systems know `queued` as `pending`."""


class Counts(msgspec.Struct, frozen=True):
    """Recipients per status."""

    queued: int = 0
    processing: int = 0
    unconfirmed: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class PublishedEvent(Message, frozen=True, kw_only=True):
    """What every published event tells. `position` orders all events of one installation; `status` is where the
    campaign or the recipient stands after the event.
    """

    broadcast_id: str
    position: int


class CampaignEvent(PublishedEvent, frozen=True, kw_only=True):
    """A fact about a campaign."""

    status: CampaignStatus


class CampaignAccepted(CampaignEvent, frozen=True, kw_only=True, tag="campaign.accepted"):
    """It is known; its recipients are being recorded."""

    session_id: str
    total_recipients: int
    priority: Literal["high", "normal"]


class CampaignQueued(CampaignEvent, frozen=True, kw_only=True, tag="campaign.queued"):
    """All its recipients are recorded; it may be sent."""


class CampaignStarted(CampaignEvent, frozen=True, kw_only=True, tag="campaign.started"):
    """Its first message is on its way."""


class CampaignFinished(CampaignEvent, frozen=True, kw_only=True, tag="campaign.finished"):
    """No recipient is open any more. `sent_count` counts sent, delivered and read."""

    counts: Counts
    sent_count: int
    failed_count: int


class CampaignRevised(CampaignEvent, frozen=True, kw_only=True, tag="campaign.revised"):
    """A finished campaign came out differently, by a late error or late evidence of success."""

    counts: Counts
    sent_count: int
    failed_count: int


class CampaignScheduled(CampaignEvent, frozen=True, kw_only=True, tag="campaign.scheduled"):
    """All its recipients are recorded; it waits for its time."""

    due_at: Instant


class CampaignDecided(CampaignEvent, frozen=True, kw_only=True):
    """Somebody decided something about it."""

    by: str
    why: str | None = None


class CampaignPaused(CampaignDecided, frozen=True, kw_only=True, tag="campaign.paused"):
    """Nothing more leaves until it is resumed."""


class CampaignResumed(CampaignDecided, frozen=True, kw_only=True, tag="campaign.resumed"):
    """It goes on where it was."""


class CampaignCancelled(CampaignDecided, frozen=True, kw_only=True, tag="campaign.cancelled"):
    """Nothing more leaves; what is queued is cancelled, recipient by recipient, and `campaign.finished` follows."""


class CampaignMoved(CampaignDecided, frozen=True, kw_only=True, tag="campaign.moved"):
    """What is still to be sent goes through another session; what is in flight stays with the old one."""

    from_session_id: str
    session_id: str


class CampaignRetryOrdered(CampaignDecided, frozen=True, kw_only=True, tag="campaign.retry_ordered"):
    """What failed is sent again, recipient by recipient."""

    include_unconfirmed: bool = False


class CampaignVerifyOrdered(CampaignDecided, frozen=True, kw_only=True, tag="campaign.verify_ordered"):
    """The VPS is asked about all that is unconfirmed or failed."""


class CampaignConfirmOrdered(CampaignDecided, frozen=True, kw_only=True, tag="campaign.confirm_ordered"):
    """What is unconfirmed or failed is settled by hand."""

    outcome: Literal["sent", "failed"]


class CommandAnswer(PublishedEvent, frozen=True, kw_only=True):
    """What became of a command over NATS: `correlation` is the command's, `causation` its id, `command` its type.
    `status` is where the campaign stood then; none where there is no such campaign.
    """

    status: CampaignStatus | None = None
    command: str


class CampaignCommandAccepted(CommandAnswer, frozen=True, kw_only=True, tag="campaign.command_accepted"):
    """It is carried out, or was so already."""


class CampaignCommandRejected(CommandAnswer, frozen=True, kw_only=True, tag="campaign.command_rejected"):
    """It is not carried out; `code` is a stable word for programs."""

    code: str
    detail: str


class RecipientEvent(PublishedEvent, frozen=True, kw_only=True):
    """A fact about one recipient of a campaign; `recipient` is a JID."""

    recipient: str
    status: RecipientStatus


class RecipientQueued(RecipientEvent, frozen=True, kw_only=True, tag="recipient.queued"):
    """The campaign wants this recipient to have its message."""

    kind: Literal["group", "person"]
    lead_id: str | None = None
    due_at: Instant


class RecipientSkipped(RecipientEvent, frozen=True, kw_only=True, tag="recipient.skipped"):
    """Refused before it left."""

    reason: str


class RecipientCancelled(RecipientEvent, frozen=True, kw_only=True, tag="recipient.cancelled"):
    """Its campaign was cancelled before it left."""


class AboutAttempt(RecipientEvent, frozen=True, kw_only=True):
    """A fact about one attempt, counted from 1."""

    attempt: int


class RecipientStarted(AboutAttempt, frozen=True, kw_only=True, tag="recipient.started"):
    """From here on the message may have left."""

    attempt_id: str
    message_id: str


class RecipientAccepted(AboutAttempt, frozen=True, kw_only=True, tag="recipient.accepted"):
    """The VPS queued it, nothing more."""


class RecipientNotTaken(AboutAttempt, frozen=True, kw_only=True, tag="recipient.not_taken"):
    """The VPS certainly did not take it; it is tried again at `retry_at` and no attempt is used up."""

    reason: str
    vps_error: str | None = None
    retry_at: Instant


class RecipientOutcomeUnknown(AboutAttempt, frozen=True, kw_only=True, tag="recipient.outcome_unknown"):
    """The request was written and no readable answer came."""

    reason: str


class RecipientDeadlinePassed(AboutAttempt, frozen=True, kw_only=True, tag="recipient.deadline_passed"):
    """No callback came in time."""


class RecipientHeld(AboutAttempt, frozen=True, kw_only=True, tag="recipient.held"):
    """The VPS cannot tell what became of it; it waits for a late callback or an operator."""

    reason: str


class RecipientSent(AboutAttempt, frozen=True, kw_only=True, tag="recipient.sent"):
    """Written to WhatsApp's socket. `source` says who told."""

    message_id: str
    sent_at: Instant
    source: Literal["callback", "answer", "lookup", "operator"]
    by: str | None = None
    why: str | None = None


class RecipientFailed(AboutAttempt, frozen=True, kw_only=True, tag="recipient.failed"):
    """The attempt failed. With `retry_at` there is another one; `status` says which it is."""

    error: str
    failed_at: Instant
    source: Literal["callback", "answer", "lookup", "policy", "operator"]
    vps_error: str | None = None
    retry_at: Instant | None = None
    by: str | None = None
    why: str | None = None


class RecipientErrored(AboutAttempt, frozen=True, kw_only=True, tag="recipient.errored"):
    """WhatsApp refused it by an error ack, perhaps long after it was sent."""

    error: str
    error_code: int
    failed_at: Instant
    vps_error: str | None = None
    retry_at: Instant | None = None


class RecipientRequeued(AboutAttempt, frozen=True, kw_only=True, tag="recipient.requeued"):
    """Somebody wants it sent again although it failed; the failures of attempts up to this one count no more."""

    due_at: Instant
    by: str
    why: str | None = None


class RecipientReceipt(AboutAttempt, frozen=True, kw_only=True, tag="recipient.receipt"):
    """A reader has it, or has read it. `difference` is what it adds to the count: 1 once per reader and kind."""

    kind: Literal["delivered", "read"]
    reader: str
    seen_at: Instant
    difference: Literal[0, 1] = 1


class RecipientReaction(AboutAttempt, frozen=True, kw_only=True, tag="recipient.reaction"):
    """A reader's reaction is there, or gone. `difference` is what it adds to the count."""

    reactor: str
    present: bool
    difference: Literal[-1, 0, 1]
    emoji: str | None = None
    seen_at: Instant


Event = (
    CampaignAccepted
    | CampaignQueued
    | CampaignStarted
    | CampaignFinished
    | CampaignRevised
    | CampaignScheduled
    | CampaignPaused
    | CampaignResumed
    | CampaignCancelled
    | CampaignMoved
    | CampaignRetryOrdered
    | CampaignVerifyOrdered
    | CampaignConfirmOrdered
    | CampaignCommandAccepted
    | CampaignCommandRejected
    | RecipientQueued
    | RecipientSkipped
    | RecipientCancelled
    | RecipientStarted
    | RecipientAccepted
    | RecipientNotTaken
    | RecipientOutcomeUnknown
    | RecipientDeadlinePassed
    | RecipientHeld
    | RecipientSent
    | RecipientFailed
    | RecipientErrored
    | RecipientRequeued
    | RecipientReceipt
    | RecipientReaction
    | SessionOrGroupEvent
)
"""Every published event, as one tagged union."""
