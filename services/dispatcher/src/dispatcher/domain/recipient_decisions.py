"""What follows from what people decide about a recipient: cancel, send again, settle by hand. Part of the decider."""

from typing import assert_never

import msgspec

from dispatcher.domain import recipient_events as event
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.recipient_commands import Cancel, Confirm, Decision, Retry, Skip
from dispatcher.domain.status import SUCCEEDED, Status

SETTLED_BY_HAND = frozenset({Status.UNCONFIRMED, Status.FAILED})
"""Only what is unconfirmed or failed can be settled by somebody who looked."""


class Refused(msgspec.Struct, frozen=True):
    """Why a decision cannot be carried out; `code` is a stable word for programs."""

    code: str
    detail: str


def refusal_of(command: Retry | Confirm, recipient: Recipient) -> Refused | None:
    """Return why a decision about this one recipient makes no sense; None where it does, or is already so."""
    status = recipient.status
    match command:
        case Retry() if status is Status.UNCONFIRMED and not command.include_unconfirmed:
            return Refused("OUTCOME_UNKNOWN", "it may have left: send it again with include_unconfirmed")
        case Retry() if status in SUCCEEDED or recipient.closed:
            return Refused("NOT_FAILED", f"it is {status.value}, not failed")
        case Confirm(outcome="sent") if status in SUCCEEDED | SETTLED_BY_HAND:
            return None
        case Confirm() if status not in SETTLED_BY_HAND:
            return Refused("NOT_UNCONFIRMED", f"it is {status.value}, neither unconfirmed nor failed")
        case _:
            return None


def decide(command: Decision, recipient: Recipient) -> list[event.Event]:
    """Turn somebody's decision into facts; nothing where the recipient does not stand where it applies."""
    last = recipient.last
    match command:
        case Cancel(now):
            return [event.Cancelled(now)] if recipient.status is Status.QUEUED else []
        case Skip(now, reason):
            return [event.Skipped(now, reason)] if recipient.status is Status.QUEUED else []
        case Retry():
            return _retry(command, recipient, last) if last else []
        case Confirm():
            return _confirm(command, recipient.status, last) if last else []
        case _:
            assert_never(command)


def _retry(command: Retry, recipient: Recipient, last: Attempt) -> list[event.Event]:
    """Ask for another attempt. What is unconfirmed is taken for failed first: else two attempts would be open."""
    now, by, why, status = command.now_ms, command.by, command.why, recipient.status
    again = event.Requeued(now, last.number, now, by, why)
    if status is Status.FAILED or (command.pending and _waits_for_retry(recipient, last)):
        return [again]
    if status is Status.UNCONFIRMED and command.include_unconfirmed:
        error = "outcome unknown; sent again by an operator"
        unknown = event.SendFailed(now, last.number, now, error, "operator", retry_at_ms=now, by=by, why=why)
        return [unknown, again]
    return []


def _waits_for_retry(recipient: Recipient, last: Attempt) -> bool:
    """Tell whether its last attempt failed, and the next one is to come by itself."""
    failed = last.failed_by is not None and last.number > recipient.forgiven
    return failed and recipient.status is Status.QUEUED


def _confirm(command: Confirm, status: Status, last: Attempt) -> list[event.Event]:
    now, number, by, why = command.now_ms, last.number, command.by, command.why
    if status not in SETTLED_BY_HAND:
        return []
    if command.outcome == "sent":
        sent_at_ms = now if last.sent_at_ms is None else last.sent_at_ms
        return [event.SendConfirmed(now, number, sent_at_ms, last.message_id, "operator", by, why)]
    if status is Status.FAILED:
        return []
    error = why or "not sent, says an operator"
    return [event.SendFailed(now, number, now, error, "operator", final=True, by=by, why=why)]
