"""Samples of delivery reports."""

from typing import TypedDict

from contracts.delivery import (
    MemberJoined,
    MemberLeft,
    MessageDelivered,
    MessageErrored,
    MessageFailed,
    MessageRead,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
    SessionReported,
    UnknownReported,
)
from contracts.envelope import Instant
from contracts.generate.samples.sample import (
    GROUP,
    MESSAGE_ID,
    OTHER_GROUP,
    OTHER_MESSAGE_ID,
    READER,
    SESSION,
    Sample,
    after,
    milliseconds,
)


class Shared(TypedDict):
    """The fields that every report has."""

    id: str
    time: Instant
    correlation: str
    session_id: str
    at: Instant
    raw_timestamp: int | str | None


def _shared(mark: str, seconds: float, *, as_text: bool = False) -> Shared:
    """Return those fields for a callback of that time, received 120 ms later; `mark` stands for its content."""
    identity = f"{mark}-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    return {
        "id": identity,
        "time": after(seconds + 0.12),
        "correlation": identity,
        "session_id": SESSION,
        "at": after(seconds),
        "raw_timestamp": after(seconds).isoformat() if as_text else milliseconds(seconds),
    }


def _untimed(mark: str, seconds: float) -> Shared:
    """Return the fields of a callback without a timestamp: the time of receipt stands in."""
    shared = _shared(mark, seconds)
    return {**shared, "at": shared["time"], "raw_timestamp": None}


SAMPLES = (
    Sample(MessageSent(**_shared("sc", 3), recipient=GROUP, message_id=MESSAGE_ID)),
    Sample(
        MessageSent(
            **_shared("sc", 3),
            recipient=GROUP,
            message_id=MESSAGE_ID,
            client_ref="6b0c9a52-3c1c-4a0f-8b1e-5d2f7a9c4e01",
        ),
        case="with-reference",
    ),
    Sample(MessageFailed(**_shared("sc", 4), recipient=OTHER_GROUP, error="Connection Closed")),
    Sample(
        MessageErrored(
            **_untimed("me", 6),
            message_id=OTHER_MESSAGE_ID,
            error_code=420,
            error_message="Rate limit / community parent rejection",
            recipient=OTHER_GROUP,
        )
    ),
    Sample(
        MessageDelivered(
            **_shared("rr", 8, as_text=True), message_id=MESSAGE_ID, recipient=GROUP, reader=READER
        )
    ),
    Sample(
        MessageDelivered(**_shared("rr", 8, as_text=True), message_id=MESSAGE_ID, recipient=GROUP),
        case="without-reader",
    ),
    Sample(
        MessageRead(**_shared("rr", 20, as_text=True), message_id=MESSAGE_ID, recipient=GROUP, reader=READER)
    ),
    Sample(
        ReactionAdded(
            **_shared("ra", 25, as_text=True),
            message_id=MESSAGE_ID,
            recipient=GROUP,
            reactor=READER,
            emoji="👍",
        )
    ),
    Sample(
        ReactionRemoved(
            **_shared("ra", 40, as_text=True), message_id=MESSAGE_ID, recipient=GROUP, reactor=READER
        )
    ),
    Sample(
        SessionReported(**_shared("ss", 50, as_text=True), status="disconnected", phone_number="12025550100")
    ),
    Sample(MemberJoined(**_shared("mb", 60, as_text=True), recipient=GROUP, participant=READER)),
    Sample(MemberLeft(**_shared("mb", 70, as_text=True), recipient=GROUP, participant=READER)),
    Sample(
        UnknownReported(
            **_untimed("un", 80),
            hook="send-callback",
            event="message_played",
            body='{"event":"message_played","sessionId":"wa_6f1c2b7ad94e"}',
        )
    ),
)
