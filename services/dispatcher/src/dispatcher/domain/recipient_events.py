"""The facts of a recipient stream. Never changed once recorded; tags are stored names, chosen by hand.

`at_ms` is when we recorded the fact; a second time, where there is one, is when it happened as the VPS tells.
All times are epoch milliseconds. `attempt` counts from 1.
"""

from typing import Literal

import msgspec


class RecipientEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact about one recipient."""

    at_ms: int


class Queued(RecipientEvent, frozen=True, tag="recipient.queued"):
    """The campaign wants this recipient to have its message; `fields` are what its placeholders are filled with,
    where the address and the lead do not tell.
    """

    due_at_ms: int
    kind: Literal["group", "person"]
    position: int
    lead_id: str | None = None
    fields: dict[str, str] | None = None


class Skipped(RecipientEvent, frozen=True, tag="recipient.skipped"):
    """Refused before it left."""

    reason: str


class Cancelled(RecipientEvent, frozen=True, tag="recipient.cancelled"):
    """Its campaign was cancelled before it left."""


class AboutAttempt(RecipientEvent, frozen=True):
    """A fact about one attempt."""

    attempt: int


class SendStarted(AboutAttempt, frozen=True, tag="recipient.started"):
    """Committed before the HTTP call: from here on the message may have left.

    `idempotency_key` is set where the attempt repeats an earlier one; else the attempt's id is the key. `session_id` is
    set where it is not the campaign's first one.
    """

    attempt_id: str
    message_id: str
    deadline_ms: int
    idempotency_key: str | None = None
    session_id: str | None = None


class SendAccepted(AboutAttempt, frozen=True, tag="recipient.accepted"):
    """The VPS queued it, nothing more."""


class SendNotTaken(AboutAttempt, frozen=True, tag="recipient.not_taken"):
    """The VPS certainly did not take it; the attempt is not used up."""

    reason: str
    vps_error: str | None
    retry_at_ms: int


class OutcomeUnknown(AboutAttempt, frozen=True, tag="recipient.outcome_unknown"):
    """The request was written, and no readable answer came."""

    reason: str


class DeadlinePassed(AboutAttempt, frozen=True, tag="recipient.deadline_passed"):
    """No callback came in time."""


class SendHeld(AboutAttempt, frozen=True, tag="recipient.held"):
    """The VPS cannot tell what became of it: it waits for a late callback or an operator."""

    reason: str


class SendConfirmed(AboutAttempt, frozen=True, tag="recipient.sent"):
    """Written to the socket. `source` says who told: the callback, the answer to `/send`, a look-up, or somebody who
    looked (`by`); that word also stands against an error ack that was known then.
    """

    sent_at_ms: int
    message_id: str
    source: Literal["callback", "answer", "lookup", "operator"]
    by: str | None = None
    why: str | None = None


class SendFailed(AboutAttempt, frozen=True, tag="recipient.failed"):
    """It did not leave. `retry_at_ms` is when the next attempt is due; None when there is none."""

    failed_at_ms: int
    error: str
    source: Literal["callback", "answer", "lookup", "policy", "operator"]
    vps_error: str | None = None
    final: bool = False
    retry_at_ms: int | None = None
    by: str | None = None
    why: str | None = None


class ErrorAcked(AboutAttempt, frozen=True, tag="recipient.errored"):
    """WhatsApp refused it by an error ack."""

    failed_at_ms: int
    error: str
    code: int
    vps_error: str | None = None
    final: bool = True
    retry_at_ms: int | None = None


class Requeued(AboutAttempt, frozen=True, tag="recipient.requeued"):
    """Somebody wants it sent again: the failures of attempts up to this one count no more."""

    due_at_ms: int
    by: str
    why: str | None = None


class ReceiptRecorded(AboutAttempt, frozen=True, tag="recipient.receipt"):
    """A reader has it, or has read it. `difference` is 1 once per reader and kind, 0 where a report only adds an
    earlier time, or that another attempt arrived too.
    """

    kind: Literal["delivered", "read"]
    reader: str
    seen_at_ms: int
    difference: Literal[0, 1] = 1


class ReactionChanged(AboutAttempt, frozen=True, tag="recipient.reaction"):
    """A reader's reaction is there (`difference` 1), gone (-1) or another one (0)."""

    reactor: str
    present: bool
    difference: Literal[-1, 0, 1]
    seen_at_ms: int
    emoji: str | None = None


Event = (
    Queued
    | Skipped
    | Cancelled
    | SendStarted
    | SendAccepted
    | SendNotTaken
    | OutcomeUnknown
    | DeadlinePassed
    | SendHeld
    | SendConfirmed
    | SendFailed
    | ErrorAcked
    | Requeued
    | ReceiptRecorded
    | ReactionChanged
)
"""Every fact of a recipient stream, as one tagged union."""
