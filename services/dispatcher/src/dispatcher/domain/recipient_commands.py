"""What the dispatcher may want of a recipient, or has heard about it. Pure values; times in epoch ms.

`now_ms` is the time of the decision; `at_ms` is when the reported thing happened.
"""

from typing import Literal

import msgspec

Difference = Literal[-1, 0, 1]
"""What one reader's step adds to a count."""


class RecipientCommand(msgspec.Struct, frozen=True):
    """A wish, or a report, about one recipient."""

    now_ms: int


class StartSend(RecipientCommand, frozen=True):
    """Send now. `attempt_id` and `message_id` are fresh; a resend of an unknown outcome keeps the old ids. `session_id`
    is told where it is not the campaign's first one.
    """

    attempt_id: str
    message_id: str
    deadline_ms: int
    session_id: str | None = None


class AboutAttempt(RecipientCommand, frozen=True):
    """Concerns attempt number `attempt`."""

    attempt: int


class RecordAccepted(AboutAttempt, frozen=True):
    """The VPS answered that it queued the message."""


class RecordRejected(AboutAttempt, frozen=True):
    """The VPS answered that it will not send this message."""

    error: str
    vps_error: str | None


class RecordNotTaken(AboutAttempt, frozen=True):
    """The VPS certainly did not take it; try again at `retry_at_ms`."""

    reason: str
    vps_error: str | None
    retry_at_ms: int


class RecordUnknown(AboutAttempt, frozen=True):
    """The request was written, and no readable answer came."""

    reason: str


class RecordSent(AboutAttempt, frozen=True):
    """It was written to the socket."""

    at_ms: int
    message_id: str | None
    source: Literal["callback", "answer", "lookup"]


class RecordFailed(AboutAttempt, frozen=True):
    """It was not written to the socket; `source` tells who says so."""

    at_ms: int
    error: str
    source: Literal["callback", "lookup", "policy"]
    vps_error: str | None = None


class RecordErrorAck(AboutAttempt, frozen=True):
    """WhatsApp refused it."""

    at_ms: int
    code: int
    message: str


class RecordReceipt(AboutAttempt, frozen=True):
    """A reader has it, or has read it; `difference` is 0 for a reader that was counted already."""

    at_ms: int
    kind: Literal["delivered", "read"]
    reader: str
    difference: Literal[0, 1] = 1


class RecordReaction(AboutAttempt, frozen=True):
    """A reader's reaction is now there or not; `difference` is what that adds to the count."""

    at_ms: int
    reactor: str
    present: bool
    difference: Difference
    emoji: str | None


class Expire(AboutAttempt, frozen=True):
    """The callback did not come in time."""


class Hold(AboutAttempt, frozen=True):
    """The VPS cannot tell what became of it, and the policy is to wait."""

    reason: str


class Cancel(RecipientCommand, frozen=True):
    """It shall not be sent any more."""


class Retry(RecipientCommand, frozen=True):
    """Somebody wants it sent again although it failed; what is unconfirmed only with `include_unconfirmed`, since it
    may have left. `pending`: also what waits for its automatic retry, which is cancelled by it.
    """

    by: str
    why: str | None = None
    include_unconfirmed: bool = False
    pending: bool = False


class Confirm(RecipientCommand, frozen=True):
    """Somebody looked, and says what became of it."""

    outcome: Literal["sent", "failed"]
    by: str
    why: str | None = None


class Skip(RecipientCommand, frozen=True):
    """It cannot be sent to: leave it out."""

    reason: str


Decision = Cancel | Retry | Confirm | Skip
"""What people, and we for them, decide, beside what the VPS reports."""

Command = (
    Decision
    | StartSend
    | RecordAccepted
    | RecordRejected
    | RecordNotTaken
    | RecordUnknown
    | RecordSent
    | RecordFailed
    | RecordErrorAck
    | RecordReceipt
    | RecordReaction
    | Expire
    | Hold
)
