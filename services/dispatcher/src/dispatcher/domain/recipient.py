"""One campaign's message to one recipient: the state, and how events change it.

The state is made of evidence per attempt, and each piece of evidence only grows: it is the smallest of what
was reported. The status is a function of the evidence. So the final state is the same for every order and
every repetition of the same reports. `recipient_decider` holds the other half, commands to events.
"""

import msgspec

from dispatcher.domain.attempt import Attempt, Failure, learned
from dispatcher.domain.recipient_events import (
    AboutAttempt,
    Cancelled,
    Event,
    Queued,
    ReactionChanged,
    ReceiptRecorded,
    Requeued,
    SendStarted,
    Skipped,
)
from dispatcher.domain.status import Status, Verdict


class Recipient(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a recipient stream. `due_at_ms` is when a queued message may leave."""

    status: Status
    queued_at_ms: int = 0
    due_at_ms: int | None = None
    attempts: tuple[Attempt, ...] = ()
    closed: Status | None = None
    reason: str | None = None
    forgiven: int = 0
    """The failures of attempts up to this number count no more: somebody wants another one."""
    again_at_ms: int | None = None
    delivered_count: int = 0
    read_count: int = 0
    reaction_count: int = 0
    fields: dict[str, str] | None = None

    def attempt(self, number: int) -> Attempt | None:
        """Return an attempt by its number."""
        for attempt in self.attempts:
            if attempt.number == number:
                return attempt
        return None

    @property
    def last(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def next_number(self) -> int:
        """The number of the next attempt: one that the VPS certainly did not take is not used up, unless a report
        came for it all the same, or it is forgiven: what becomes of the next one must count.
        """
        last = self.last
        if last is None:
            return 1
        is_free = last.not_taken and last.verdict is Verdict.OPEN and last.number > self.forgiven
        return last.number if is_free else last.number + 1

    def begun_at_ms(self, attempt: Attempt) -> int:
        """Return when the message of an attempt may first have left: with the attempt whose ids it repeats."""
        repeated = (one for one in self.attempts if one.id == attempt.idempotency_key)
        return next(repeated, attempt).started_at_ms

    def tries(self, attempt: Attempt) -> int:
        """Return how many sends were made up to this one since somebody last asked for another try."""
        return attempt.number - (self.forgiven if attempt.number > self.forgiven else 0)

    @property
    def forbidding(self) -> Attempt | None:
        """The attempt whose final failure forbids another one."""
        return next(
            (
                attempt
                for attempt in self.attempts
                if attempt.number > self.forgiven and attempt.final_failure
            ),
            None,
        )

    @property
    def telling(self) -> Attempt | None:
        """The attempt that explains the status: the strongest success, else the final failure, else the last."""
        if not self.attempts:
            return None
        best = max(self.attempts, key=lambda attempt: (_success(attempt), -attempt.number))
        if _success(best):
            return best
        return self.forbidding or self.attempts[-1]

    @property
    def standing_failure(self) -> Failure | None:
        """The failure that explains the status; none where the message was sent."""
        telling = self.telling
        if telling is None or _success(telling):
            return None
        return telling.final_failure or telling.failed_by or telling.not_taken


INITIAL = Recipient(Status.QUEUED)
"""Before the first event."""


def _success(attempt: Attempt) -> Verdict:
    verdict = attempt.verdict
    return Verdict.OPEN if verdict in (Verdict.FAILED, Verdict.REFUSED) else verdict


def status_of(recipient: Recipient) -> tuple[Status, int | None]:
    """Return the status that follows from the evidence, and when the message is due if it is queued."""
    best = Verdict.OPEN
    for attempt in recipient.attempts:
        best = max(best, _success(attempt))
    if best is not Verdict.OPEN:
        return SUCCESSES[best], None
    if recipient.closed is not None:
        return recipient.closed, None
    last = recipient.last
    if last is None:
        return Status.QUEUED, recipient.due_at_ms
    if last.open:
        return (Status.UNCONFIRMED if last.unconfirmed else Status.PROCESSING), None
    if last.number <= recipient.forgiven:
        return Status.QUEUED, recipient.again_at_ms
    failure = last.failed_by or last.not_taken
    retry_at_ms = failure.retry_at_ms if failure else None
    if retry_at_ms is None or recipient.forbidding:
        return Status.FAILED, None
    return Status.QUEUED, retry_at_ms


SUCCESSES = {Verdict.SENT: Status.SENT, Verdict.DELIVERED: Status.DELIVERED, Verdict.READ: Status.READ}


def evolve(recipient: Recipient, event: Event) -> Recipient:
    """Return the state after an event."""
    match event:
        case Queued():
            return Recipient(
                Status.QUEUED, queued_at_ms=event.at_ms, due_at_ms=event.due_at_ms, fields=event.fields
            )
        case Skipped(_, reason):
            changed = msgspec.structs.replace(recipient, closed=Status.SKIPPED, reason=reason)
        case Cancelled():
            changed = msgspec.structs.replace(recipient, closed=Status.CANCELLED)
        case Requeued():
            changed = msgspec.structs.replace(recipient, forgiven=event.attempt, again_at_ms=event.due_at_ms)
        case SendStarted():
            changed = _start(recipient, event)
        case ReceiptRecorded() | ReactionChanged():
            changed = _count(_learn(recipient, event), event)
        case _:
            changed = _learn(recipient, event)
    status, due_at_ms = status_of(changed)
    if status is changed.status and due_at_ms == changed.due_at_ms:
        return changed
    return msgspec.structs.replace(changed, status=status, due_at_ms=due_at_ms)


def _start(recipient: Recipient, event: SendStarted) -> Recipient:
    started = Attempt(
        event.attempt,
        event.attempt_id,
        event.message_id,
        event.at_ms,
        event.deadline_ms,
        event.idempotency_key,
        session_id=event.session_id,
    )
    kept = tuple(attempt for attempt in recipient.attempts if attempt.number != event.attempt)
    return msgspec.structs.replace(recipient, attempts=(*kept, started))


def _learn(recipient: Recipient, event: AboutAttempt) -> Recipient:
    """Add what an event says of one attempt."""
    attempts = [
        learned(attempt, event) if attempt.number == event.attempt else attempt
        for attempt in recipient.attempts
    ]
    return msgspec.structs.replace(recipient, attempts=tuple(attempts))


def _count(recipient: Recipient, event: ReceiptRecorded | ReactionChanged) -> Recipient:
    match event:
        case ReceiptRecorded(kind="delivered"):
            return msgspec.structs.replace(
                recipient, delivered_count=recipient.delivered_count + event.difference
            )
        case ReceiptRecorded():
            return msgspec.structs.replace(recipient, read_count=recipient.read_count + event.difference)
        case ReactionChanged():
            return msgspec.structs.replace(
                recipient, reaction_count=recipient.reaction_count + event.difference
            )
