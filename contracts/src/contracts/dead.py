"""Dead messages: what could not be read, kept whole with the reason, so that it can be replayed after a fix."""

from typing import Literal

from contracts.envelope import Message

QuarantineKind = Literal["invalid", "unknown", "conflict"]
ParkedKind = Literal["unreadable", "undelivered"]


class CallbackQuarantined(Message, frozen=True, kw_only=True, tag="callback.quarantined"):
    """An authenticated callback that is kept aside. `body` is base64 of the raw bytes.

    `kind`: invalid, its body did not validate (answered 400); unknown, its event word is new to us (202);
    conflict, it says of something that was reported (`causation` is that report's id) something else (202).
    """

    hook: str
    reason: str
    body: str
    kind: QuarantineKind = "invalid"


class MessageParked(Message, frozen=True, kw_only=True, tag="message.parked"):
    """A NATS message that a consumer did not take. `body` is base64 of the raw bytes; empty where they are too
    many for one message, and `reason` says where they lie.

    `kind`: unreadable, or never to be carried out; undelivered, it was tried `max_deliver` times in vain. `causation`
    is the id of the dead message that was sent again as this one.
    """

    subject: str
    durable: str
    reason: str
    body: str
    kind: ParkedKind = "unreadable"


DeadMessage = CallbackQuarantined | MessageParked
