"""What one step of a message adds to the history of deliveries: how it came out, and how long that took."""

import msgspec

from dispatcher.domain import recipient_events as event
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.status import SUCCEEDED, Status


class Outcome(msgspec.Struct, frozen=True):
    """Messages that became sent, or failed for good; attempts that failed and are made again; and how long the VPS took
    to tell: for so many, so long together, and so long at the most, in ms.
    """

    sent: int = 0
    failed: int = 0
    retried: int = 0
    responses: int = 0
    response_ms: int = 0
    slowest_ms: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        """Return both together."""
        return Outcome(
            self.sent + other.sent,
            self.failed + other.failed,
            self.retried + other.retried,
            self.responses + other.responses,
            self.response_ms + other.response_ms,
            max(self.slowest_ms, other.slowest_ms),
        )


AWAITED = frozenset({Status.PROCESSING, Status.UNCONFIRMED})
TOLD = frozenset({"callback", "answer"})
"""The sources that are a response of the VPS to a send; a look-up was our own question, and an operator is no VPS."""


def outcome_of(before: Recipient, after: Recipient, fact: event.Event) -> Outcome | None:
    """Return what a step adds; None for nothing."""
    if before.status is after.status:
        return None
    sent = after.status in SUCCEEDED and before.status not in SUCCEEDED
    failed = after.status is Status.FAILED
    retried = _retried(before, after, fact)
    if not (sent or failed or retried):
        return None
    took_ms = _took_ms(before, after, fact)
    if took_ms is None:
        return Outcome(int(sent), int(failed), int(retried))
    return Outcome(int(sent), int(failed), int(retried), 1, took_ms, took_ms)


def _retried(before: Recipient, after: Recipient, fact: event.Event) -> bool:
    if before.status not in AWAITED or after.status is not Status.QUEUED:
        return False
    return isinstance(fact, event.ErrorAcked) or (
        isinstance(fact, event.SendFailed) and fact.source != "operator"
    )


def _took_ms(before: Recipient, after: Recipient, fact: event.Event) -> int | None:
    """Return how long it took from the send to the response that settled its attempt; None where that was none."""
    if before.status not in AWAITED or not isinstance(fact, event.AboutAttempt):
        return None
    if isinstance(fact, event.SendConfirmed | event.SendFailed) and fact.source not in TOLD:
        return None
    attempt = after.attempt(fact.attempt)
    return max(0, fact.at_ms - attempt.started_at_ms) if attempt else None
