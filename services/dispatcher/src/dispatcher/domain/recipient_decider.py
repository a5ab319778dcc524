"""What follows from a command to a recipient: events, or nothing.

Facts from outside are never rejected; what adds nothing to the evidence gives the empty list.
"""

from dispatcher.domain import recipient_decisions
from dispatcher.domain import recipient_events as event
from dispatcher.domain.attempt import Attempt, Failure, failure_of
from dispatcher.domain.backoff import RetryPolicy, retry_at_ms
from dispatcher.domain.failure import Retry as MayRetry
from dispatcher.domain.failure import meaning_of
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.recipient_commands import (
    AboutAttempt,
    Cancel,
    Command,
    Confirm,
    Expire,
    Hold,
    RecordAccepted,
    RecordErrorAck,
    RecordFailed,
    RecordNotTaken,
    RecordReaction,
    RecordReceipt,
    RecordRejected,
    RecordSent,
    RecordUnknown,
    Retry,
    Skip,
    StartSend,
)
from dispatcher.domain.status import Status


def decide(command: Command, recipient: Recipient, policy: RetryPolicy) -> list[event.Event]:
    """Turn a wish or a report into facts. An empty list means there is nothing left to do."""
    if isinstance(command, StartSend):
        return _start(command, recipient)
    if isinstance(command, Cancel | Retry | Confirm | Skip):
        return recipient_decisions.decide(command, recipient)
    attempt = recipient.attempt(command.attempt)
    if attempt is None:
        return []
    match command:
        case RecordSent() | RecordFailed() | RecordErrorAck() | RecordRejected():
            return _weigh(command, attempt, recipient.tries(attempt), policy)
        case RecordReceipt(now, number, at_ms, kind, reader, difference):
            return [event.ReceiptRecorded(now, number, kind, reader, at_ms, difference)]
        case RecordReaction(now, number, at_ms, reactor, present, difference, emoji):
            return [event.ReactionChanged(now, number, reactor, present, difference, at_ms, emoji)]
        case _:
            return _wait(command, attempt) if attempt.open else []


def _start(command: StartSend, recipient: Recipient) -> list[event.Event]:
    if recipient.status is not Status.QUEUED:
        return []
    resent = _to_resend(recipient)
    return [
        event.SendStarted(
            command.now_ms,
            recipient.next_number,
            command.attempt_id,
            resent.message_id if resent else command.message_id,
            command.deadline_ms,
            (resent.idempotency_key or resent.id) if resent else None,
            command.session_id,
        )
    ]


def _to_resend(recipient: Recipient) -> Attempt | None:
    """Return the attempt whose ids the next one repeats: one that may have left, resent by policy or by an operator
    who does not know either; or its repeat, where that was not taken. An idempotent VPS, and WhatsApp itself, then drop
    the second.
    """
    last = recipient.last
    if last and last.not_taken and last.idempotency_key:
        return last
    failure = last.failed_by if last else None
    unknown = failure is not None and failure.source in ("policy", "operator") and not failure.final
    return last if unknown else None


def _weigh(
    command: RecordSent | RecordFailed | RecordErrorAck | RecordRejected,
    attempt: Attempt,
    tries: int,
    policy: RetryPolicy,
) -> list[event.Event]:
    """Record evidence only where it is new, or smaller than what was known of its kind."""
    match command:
        case RecordSent(now, number, at_ms, message_id, source):
            known = attempt.sent_at_ms
            if known is not None and (known, attempt.message_id) <= (at_ms, message_id or attempt.message_id):
                return []
            return [event.SendConfirmed(now, number, at_ms, message_id or attempt.message_id, source)]
        case RecordErrorAck():
            refused = _error_acked(command, attempt, tries, policy)
            return [refused] if _stands(refused, attempt.refusal) else []
        case _:
            failed = _failed(command, attempt, tries, policy)
            return [failed] if _stands(failed, attempt.failure) else []


def _failed(
    command: RecordFailed | RecordRejected, attempt: Attempt, tries: int, policy: RetryPolicy
) -> event.SendFailed:
    match command:
        case RecordRejected(now, number, error, vps_error):
            return event.SendFailed(now, number, now, error, "answer", vps_error, final=True)
        case RecordFailed(now, number, at_ms, error, source, vps_error):
            again = retry_at_ms(policy, tries, attempt.id, _failed_at_ms(at_ms, attempt, now))
            return event.SendFailed(now, number, at_ms, error, source, vps_error, retry_at_ms=again)


def _error_acked(
    command: RecordErrorAck, attempt: Attempt, tries: int, policy: RetryPolicy
) -> event.ErrorAcked:
    retry = meaning_of(command.code).retry
    allowed = retry is MayRetry.BACKOFF or (retry is MayRetry.ONCE and tries == 1)
    failed_at_ms = _failed_at_ms(command.at_ms, attempt, command.now_ms)
    again = retry_at_ms(policy, tries, attempt.id, failed_at_ms) if allowed else None
    return event.ErrorAcked(
        command.now_ms,
        attempt.number,
        command.at_ms,
        f"Error {command.code}: {command.message}",
        command.code,
        command.message,
        final=not allowed,
        retry_at_ms=again,
    )


def _failed_at_ms(told_ms: int, attempt: Attempt, now_ms: int) -> int:
    """Return when an attempt can have failed: not before it began, nor after now, whatever the VPS's clock shows."""
    return min(max(told_ms, attempt.started_at_ms), now_ms)


def _stands(reported: event.SendFailed | event.ErrorAcked, known: Failure | None) -> bool:
    return known is None or failure_of(reported).rank < known.rank


def _wait(command: AboutAttempt, attempt: Attempt) -> list[event.Event]:
    """Record what only matters while the outcome is still to come."""
    match command:
        case RecordAccepted(now, number) if attempt.accepted_at_ms is None:
            return [event.SendAccepted(now, number)]
        case RecordNotTaken(now, number, reason, vps_error, again):
            return [event.SendNotTaken(now, number, reason, vps_error, again)]
        case RecordUnknown(now, number, reason) if not attempt.unconfirmed:
            return [event.OutcomeUnknown(now, number, reason)]
        case Expire(now, number) if not attempt.unconfirmed:
            return [event.DeadlinePassed(now, number)]
        case Hold(now, number, reason) if not attempt.held:
            return [event.SendHeld(now, number, reason)]
        case _:
            return []
