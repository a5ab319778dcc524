"""One send, and the evidence of what became of it: each piece only grows, whatever the order of the reports."""

import msgspec

from dispatcher.domain.recipient_events import (
    AboutAttempt,
    DeadlinePassed,
    ErrorAcked,
    OutcomeUnknown,
    ReceiptRecorded,
    SendAccepted,
    SendConfirmed,
    SendFailed,
    SendHeld,
    SendNotTaken,
)
from dispatcher.domain.status import Verdict


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt did not succeed. `final`: must not be tried again, whatever attempts are left."""

    at_ms: int
    error: str
    code: int | None = None
    vps_error: str | None = None
    final: bool = False
    retry_at_ms: int | None = None
    source: str = "callback"

    @property
    def rank(self) -> tuple[bool, int, int, str]:
        """The order among reports of the same strength; the smallest stands."""
        return (not self.final, self.at_ms, self.code or 0, self.error)


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One send, and all that is known of it."""

    number: int
    id: str
    message_id: str
    started_at_ms: int
    deadline_ms: int
    idempotency_key: str | None = None
    accepted_at_ms: int | None = None
    sent_at_ms: int | None = None
    delivered_at_ms: int | None = None
    read_at_ms: int | None = None
    failure: Failure | None = None
    refusal: Failure | None = None
    unconfirmed: bool = False
    held: bool = False
    not_taken: Failure | None = None
    vouched: bool = False
    """Somebody who knew of the refusal says that it was sent all the same."""
    session_id: str | None = None
    """The session that it went through, where that is not the campaign's first one."""

    @property
    def verdict(self) -> Verdict:
        """The strongest evidence."""
        if self.read_at_ms is not None:
            return Verdict.READ
        if self.delivered_at_ms is not None:
            return Verdict.DELIVERED
        if self.refusal is not None and not self.vouched:
            return Verdict.REFUSED
        if self.sent_at_ms is not None:
            return Verdict.SENT
        return Verdict.FAILED if self.failure is not None else Verdict.OPEN

    @property
    def open(self) -> bool:
        """Its outcome is still to come: a callback without ids may be about it."""
        return self.verdict is Verdict.OPEN and self.not_taken is None

    @property
    def in_flight(self) -> bool:
        """It keeps other campaigns from sending to the same recipient through the same session."""
        return self.open and not self.held

    @property
    def failed_by(self) -> Failure | None:
        """The failure that stands, if nothing stronger does."""
        return {Verdict.REFUSED: self.refusal, Verdict.FAILED: self.failure}.get(self.verdict)

    @property
    def final_failure(self) -> Failure | None:
        """The failure that forbids another attempt, whether or not it is the one that stands."""
        return next((failure for failure in (self.refusal, self.failure) if failure and failure.final), None)


def learned(attempt: Attempt, event: AboutAttempt) -> Attempt:
    """Return the attempt with one more piece of evidence."""
    replace = msgspec.structs.replace
    match event:
        case SendAccepted(at_ms):
            return replace(attempt, accepted_at_ms=at_ms)
        case SendConfirmed():
            vouched = attempt.vouched or (event.source == "operator" and attempt.refusal is not None)
            return replace(attempt, sent_at_ms=event.sent_at_ms, message_id=event.message_id, vouched=vouched)
        case SendFailed():
            return replace(attempt, failure=failure_of(event))
        case ErrorAcked():
            return replace(attempt, refusal=failure_of(event))
        case SendNotTaken(at_ms, _, reason, vps_error, retry_at_ms):
            return replace(
                attempt, not_taken=Failure(at_ms, reason, vps_error=vps_error, retry_at_ms=retry_at_ms)
            )
        case OutcomeUnknown() | DeadlinePassed():
            return replace(attempt, unconfirmed=True)
        case SendHeld():
            return replace(attempt, held=True)
        case ReceiptRecorded(kind="delivered"):
            return replace(attempt, delivered_at_ms=earliest(attempt.delivered_at_ms, event.seen_at_ms))
        case ReceiptRecorded():
            return replace(attempt, read_at_ms=earliest(attempt.read_at_ms, event.seen_at_ms))
        case _:
            return attempt


def failure_of(event: SendFailed | ErrorAcked) -> Failure:
    """Return the failure that an event records."""
    match event:
        case SendFailed(_, _, failed_at_ms, error, source, vps_error, final, retry_at_ms, _, _):
            return Failure(failed_at_ms, error, None, vps_error, final, retry_at_ms, source)
        case ErrorAcked(_, _, failed_at_ms, error, code, vps_error, final, retry_at_ms):
            return Failure(failed_at_ms, error, code, vps_error, final, retry_at_ms)


def earliest(known: int | None, seen: int) -> int:
    """Return the smaller of two times, where one may not be known yet."""
    return seen if known is None else min(known, seen)
