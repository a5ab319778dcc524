"""The VPS's HTTP bodies, as they stand on the wire: its callbacks, and what we call on it.

Field names are the VPS's. Unknown extra fields are ignored. Lenient where the VPS is loose (timestamps,
optional fields), strict where a wrong value would be a lie.
"""

from typing import Annotated, Literal

import msgspec

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Timestamp = int | float | str | None


class Callback(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What any callback may carry."""

    client_ref: str | None = None
    timestamp: Timestamp = None


class SendCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/send-callback`; `event` is message_sent or message_failed."""

    event: Word
    session_id: Word
    group_jid: Word
    message_id: str | None = None
    status: str | None = None
    error: str | None = None


class MessageErrorCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/message-error`; `event` is message_error."""

    event: Word
    session_id: Word
    message_id: Word
    error_code: int
    error_message: str = ""
    group_jid: str | None = None


class ReadReceiptCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/read-receipt`; `event` is delivered or read."""

    event: Word
    session_id: Word
    message_id: Word
    group_jid: Word
    reader_phone: str | None = None


class ReactionCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/reaction`; `event` is reaction_add or reaction_remove."""

    event: Word
    session_id: Word
    message_id: Word
    group_jid: Word
    reactor_phone: str | None = None
    emoji: str | None = None


class SessionStatusCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/session-status`; any `status` word is taken."""

    session_id: Word
    status: Word
    phone_number: str | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """Who joined or left; `id` may be a JID or a LID."""

    phone: str | None = None
    id: str | None = None


class MembershipCallback(Callback, frozen=True, kw_only=True):
    """`POST /webhooks/membership`; `event` is join or leave."""

    event: Word
    session_id: Word
    group_jid: Word
    participant: Participant


class SendRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`POST /send`. `phone` holds a JID or an E.164 number. `client_ref` is our attempt id and `message_id`
    an id that we reserve; the VPS may ignore both.
    """

    session_id: str
    phone: str
    message: str
    media_url: str | None = None
    media_type: Literal["image", "video", "document"] | None = None
    client_ref: str | None = None
    message_id: str | None = None


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer to `/send`: accepted, or (older builds) sent with its id, or refused with an error."""

    success: bool | None = None
    accepted: bool | None = None
    message_id: str | None = None
    error: str | None = None


class MessageStatusRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`POST /message-status`: what became of the last message to a recipient?"""

    session_id: str
    group_jid: str


class MessageStatusAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The VPS knows only the last message per recipient, and forgets all on restart."""

    success: bool
    found: bool = False
    message_id: str | None = None
    status: str | None = None
    timestamp: Timestamp = None


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`GET /status/{sessionId}`; an unknown status word must not break us."""

    session_id: str
    status: str
    phone_number: str | None = None
    qr: str | None = None


class SessionRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`POST /connect`."""

    session_id: str


class ConnectAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to `/connect`; the session may have got a new id."""

    session_id: str | None = None


class ListedGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One group of `GET /groups/{sessionId}`. Builds differ: each field that may be missing may also be null."""

    id: str | None = None
    jid: str | None = None
    group_id: str | None = None
    name: str | None = None
    subject: str | None = None
    participants: int | list[msgspec.Raw] | None = None
    participants_count: int | None = None
    size: int | None = None
    is_admin: bool | None = None
    is_community: bool | None = None
    is_community_announce: bool | None = None
    invite_link: str | None = None


class GroupsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /groups/{sessionId}` where the list is wrapped; each entry is read by itself."""

    groups: list[msgspec.Raw]
