"""What an answer of the VPS tells a recipient and its session; and the log, where it is not that all is well."""

import logging

from dispatcher.answers import Accepted, Answer, NotTaken, Rejected, Unknown
from dispatcher.domain import recipient_commands as command
from dispatcher.domain import session_decider as session
from dispatcher.handling import Cause, Handling
from dispatcher.sending.flight import Flight
from dispatcher.store.stream_names import Key

log = logging.getLogger(__name__)


def record(handling: Handling, key: Key, session_id: str, attempt: int, answer: Answer) -> None:
    """Tell the recipient, and the session, what the VPS answered to a send."""
    now_ms, cause = handling.now_ms, Cause(str(key[0]))
    match answer:
        case Accepted(message_id):
            handling.tell_recipient(key, command.RecordAccepted(now_ms, attempt), cause)
            if message_id:
                sent = command.RecordSent(now_ms, attempt, now_ms, message_id, "answer")
                handling.tell_recipient(key, sent, cause)
            handling.tell_session(session_id, session.Resume(now_ms), cause)
        case Rejected(error, vps_error):
            handling.tell_recipient(key, command.RecordRejected(now_ms, attempt, error, vps_error), cause)
        case NotTaken(reason, vps_error, wait_ms):
            handling.tell_session(session_id, session.Park(now_ms, vps_error or reason, wait_ms), cause)
            until_ms = handling.changes.sessions[session_id].state.parked_until_ms or now_ms
            not_taken = command.RecordNotTaken(now_ms, attempt, reason, vps_error, until_ms)
            handling.tell_recipient(key, not_taken, cause)
        case Unknown(reason):
            handling.tell_recipient(key, command.RecordUnknown(now_ms, attempt, reason), cause)


def note(flight: Flight, answer: Answer) -> None:
    """Log an answer, by the ids that lead to the message; neither phone nor text stands in a log."""
    ids = flight.key[0], flight.session_id, flight.attempt, flight.request.client_ref
    match answer:
        case Accepted():
            log.debug("[WA_SEND] accepted broadcast_id=%s session=%s attempt=%d id=%s", *ids)
        case Rejected(reason) | NotTaken(reason) | Unknown(reason):
            word = _WORDS[type(answer)]
            log.warning(
                "[WA_SEND] %s broadcast_id=%s session=%s attempt=%d id=%s reason=%s", word, *ids, reason
            )


_WORDS = {Rejected: "rejected", NotTaken: "not taken", Unknown: "unknown"}
