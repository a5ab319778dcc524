"""Delivery reports: messages that repeat what the VPS said. Published by the webhook-gateway."""

from contracts.envelope import Instant, Message


class DeliveryReport(Message, frozen=True, kw_only=True):
    """What all reports share: who said it, and when.

    `recipient`, where there is one, is the JID as the VPS wrote it. `at` is the VPS's own time, normalised;
    where it gave none it is the time of receipt. `raw_timestamp` keeps what was on the wire. `client_ref` is
    our attempt id, where the VPS echoes it.
    """

    session_id: str | None = None
    at: Instant
    raw_timestamp: int | float | str | None = None
    client_ref: str | None = None


class MessageSent(DeliveryReport, frozen=True, kw_only=True, tag="message.sent"):
    """Written to the socket. WhatsApp may still refuse it."""

    recipient: str
    message_id: str | None = None


class MessageFailed(DeliveryReport, frozen=True, kw_only=True, tag="message.failed"):
    """Not written to the socket."""

    recipient: str
    message_id: str | None = None
    error: str


class MessageErrored(DeliveryReport, frozen=True, kw_only=True, tag="message.errored"):
    """An error ack: WhatsApp refused a message, often after it had been reported as sent."""

    message_id: str
    error_code: int
    error_message: str
    recipient: str | None = None


class MessageDelivered(DeliveryReport, frozen=True, kw_only=True, tag="message.delivered"):
    """A reader's phone has it. `reader` may be empty, or LID digits."""

    message_id: str
    recipient: str
    reader: str = ""


class MessageRead(DeliveryReport, frozen=True, kw_only=True, tag="message.read"):
    """A reader has read it. `reader` may be empty, or LID digits."""

    message_id: str
    recipient: str
    reader: str = ""


class ReactionAdded(DeliveryReport, frozen=True, kw_only=True, tag="reaction.added"):
    """A reader reacted; a later reaction of the same reader replaces it."""

    message_id: str
    recipient: str
    reactor: str
    emoji: str | None = None


class ReactionRemoved(DeliveryReport, frozen=True, kw_only=True, tag="reaction.removed"):
    """A reader took the reaction back."""

    message_id: str
    recipient: str
    reactor: str
    emoji: str | None = None


class SessionReported(DeliveryReport, frozen=True, kw_only=True, tag="session.reported"):
    """A session changed its state; `status` is the VPS's own word, known to us or not."""

    status: str
    phone_number: str | None = None


class MemberJoined(DeliveryReport, frozen=True, kw_only=True, tag="member.joined"):
    """Somebody joined a group."""

    recipient: str
    participant: str


class MemberLeft(DeliveryReport, frozen=True, kw_only=True, tag="member.left"):
    """Somebody left a group."""

    recipient: str
    participant: str


class UnknownReported(DeliveryReport, frozen=True, kw_only=True, tag="unknown.reported"):
    """A well-formed callback with an event word that we do not know. The gateway keeps these in quarantine now
    (`callback.quarantined`); readers may still meet one that was stored before.
    """

    hook: str
    event: str
    body: str


Report = (
    MessageSent
    | MessageFailed
    | MessageErrored
    | MessageDelivered
    | MessageRead
    | ReactionAdded
    | ReactionRemoved
    | SessionReported
    | MemberJoined
    | MemberLeft
    | UnknownReported
)
"""Every delivery report, as one tagged union."""
