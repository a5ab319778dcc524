"""Translation: typed callback → delivery report. One function per hook, one table that finds it.

Each function decides two things: which report the callback is, and what makes it that callback and no other
(its identity, from the content; see `identity`). Where an identity holds a timestamp and the VPS gave none,
the time of receipt stands in, so that nothing new is lost as a repeat; send callbacks alone fall back on
`clientRef` and the error text, because a late repeat of a failure must not look like a second failure.
"""

from collections.abc import Callable

from contracts import delivery, wire
from webhook_gateway.identity import content_id
from webhook_gateway.receipt import Receipt, moment_or_receipt, required, shared_fields, trimmed
from webhook_gateway.timestamps import moment_text


def translate(callback: wire.Callback, receipt: Receipt) -> delivery.Report:
    """Return the delivery report of a callback. A blank text raises `UnreadableCallbackError`."""
    return _TRANSLATIONS[type(callback)](callback, receipt)


def _from_send_callback(callback: wire.SendCallback, receipt: Receipt) -> delivery.Report:
    session = required(callback.session_id, "sessionId")
    recipient = required(callback.group_jid, "groupJid")
    message_id = trimmed(callback.message_id)
    error = callback.error or ""
    identity = content_id(
        "sc", receipt.tenant, session, recipient, callback.event, *_send_mark(callback, message_id, error)
    )
    shared = shared_fields(callback, receipt, identity, session)
    if callback.event == "message_sent":
        return delivery.MessageSent(**shared, recipient=recipient, message_id=message_id)
    return delivery.MessageFailed(**shared, recipient=recipient, message_id=message_id, error=error)


def _send_mark(callback: wire.SendCallback, message_id: str | None, error: str) -> tuple[str, ...]:
    """Tell one send callback of a session, group and event from another, by the best mark that it bears."""
    if message_id:
        return ("message", message_id)
    moment = moment_text(callback.timestamp)
    if moment:
        return ("moment", moment)
    return ("reference", trimmed(callback.client_ref) or "", error)


def _from_message_error(callback: wire.MessageErrorCallback, receipt: Receipt) -> delivery.Report:
    message_id = required(callback.message_id, "messageId")
    identity = content_id("me", receipt.tenant, message_id, str(callback.error_code))
    return delivery.MessageErrored(
        **shared_fields(callback, receipt, identity, required(callback.session_id, "sessionId")),
        message_id=message_id,
        error_code=callback.error_code,
        error_message=callback.error_message,
        recipient=trimmed(callback.group_jid),
    )


def _from_read_receipt(callback: wire.ReadReceiptCallback, receipt: Receipt) -> delivery.Report:
    message_id = required(callback.message_id, "messageId")
    reader = trimmed(callback.reader_phone) or ""
    identity = content_id("rr", receipt.tenant, message_id, reader, callback.event)
    report = delivery.MessageRead if callback.event == "read" else delivery.MessageDelivered
    return report(
        **shared_fields(callback, receipt, identity, required(callback.session_id, "sessionId")),
        message_id=message_id,
        recipient=required(callback.group_jid, "groupJid"),
        reader=reader,
    )


def _from_reaction(callback: wire.ReactionCallback, receipt: Receipt) -> delivery.Report:
    message_id = required(callback.message_id, "messageId")
    reactor = trimmed(callback.reactor_phone) or ""
    moment = moment_or_receipt(callback, receipt)
    identity = content_id(
        "ra", receipt.tenant, message_id, reactor, callback.emoji or "", callback.event, moment
    )
    report = delivery.ReactionAdded if callback.event == "reaction_add" else delivery.ReactionRemoved
    return report(
        **shared_fields(callback, receipt, identity, required(callback.session_id, "sessionId")),
        message_id=message_id,
        recipient=required(callback.group_jid, "groupJid"),
        reactor=reactor,
        emoji=callback.emoji,
    )


def _from_session_status(callback: wire.SessionStatusCallback, receipt: Receipt) -> delivery.Report:
    session = required(callback.session_id, "sessionId")
    status = required(callback.status, "status")
    phone = trimmed(callback.phone_number)
    moment = moment_or_receipt(callback, receipt)
    identity = content_id("ss", receipt.tenant, session, status, phone or "", moment)
    shared = shared_fields(callback, receipt, identity, session)
    return delivery.SessionReported(**shared, status=status, phone_number=phone)


def _from_membership(callback: wire.MembershipCallback, receipt: Receipt) -> delivery.Report:
    recipient = required(callback.group_jid, "groupJid")
    who = trimmed(callback.participant.phone) or trimmed(callback.participant.id)
    participant = required(who, "participant.phone")
    moment = moment_or_receipt(callback, receipt)
    identity = content_id("mb", receipt.tenant, recipient, participant, callback.event, moment)
    report = delivery.MemberJoined if callback.event == "join" else delivery.MemberLeft
    return report(
        **shared_fields(callback, receipt, identity, required(callback.session_id, "sessionId")),
        recipient=recipient,
        participant=participant,
    )


_TRANSLATIONS: dict[type[wire.Callback], Callable[..., delivery.Report]] = {
    wire.SendCallback: _from_send_callback,
    wire.MessageErrorCallback: _from_message_error,
    wire.ReadReceiptCallback: _from_read_receipt,
    wire.ReactionCallback: _from_reaction,
    wire.SessionStatusCallback: _from_session_status,
    wire.MembershipCallback: _from_membership,
}
