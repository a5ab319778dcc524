"""Messages: what `/send` was asked for, read once from its body."""

import msgspec

GROUP = "@g.us"
PERSON = "@s.whatsapp.net"


class SendBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """The body of `/send` as the VPS reads it: it checks no more than that three fields are there."""

    session_id: str | None = None
    phone: str | None = None
    message: str | None = None
    media_url: str | None = None
    client_ref: str | None = None
    message_id: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message that the VPS has taken."""

    session_id: str
    recipient: str
    message_id: str
    text: str
    media_url: str | None = None
    client_ref: str | None = None
    idempotency_key: str | None = None


def missing_fields(body: SendBody) -> list[str]:
    """Return the names, as on the wire, of the required fields that are missing or empty."""
    required = (("sessionId", body.session_id), ("phone", body.phone), ("message", body.message))
    return [name for name, value in required if not value]


def jid_of(phone: str) -> str:
    """Return the JID for what stands in `phone`: a JID as it is, or a number in any notation."""
    if "@" in phone:
        return phone.strip()
    return "".join(filter(str.isdigit, phone)) + PERSON


def is_group(jid: str) -> bool:
    """Whether a JID names a group."""
    return jid.endswith(GROUP)
