"""Where a message stands, in one sentence."""

from dispatcher.domain.recipient import Recipient
from dispatcher.domain.status import Status
from dispatcher.explanation.words import because, clock


def standing(recipient: Recipient) -> str:
    """Return where it stands, and the reason that stands behind it."""
    status, telling, failure = recipient.status, recipient.telling, recipient.standing_failure
    match status:
        case Status.QUEUED if failure:
            return f"Waits for another attempt after: {failure.error}."
        case Status.QUEUED:
            return "Has not left yet."
        case Status.PROCESSING:
            return "On its way: handed to the VPS, which has not said what became of it."
        case Status.UNCONFIRMED:
            return "Nobody can say whether it left."
        case Status.FAILED if failure:
            return f"Failed{_after(recipient)}: {failure.error}."
        case Status.SKIPPED:
            return f"Left out before it was sent{because(recipient.reason)}."
        case Status.CANCELLED:
            return "Cancelled before it left."
        case _:
            sent_at_ms = telling.sent_at_ms if telling else None
            when = f" at {clock(sent_at_ms)}" if sent_at_ms is not None else ""
            return f"{_REACHED.get(status, 'Failed')}{when}{_attempt(recipient)}."


_REACHED = {
    Status.SENT: "Written to WhatsApp's socket",
    Status.DELIVERED: "Arrived; sent",
    Status.READ: "Read; sent",
}


def _after(recipient: Recipient) -> str:
    made = len(recipient.attempts)
    return f" after {made} attempts" if made > 1 else ""


def _attempt(recipient: Recipient) -> str:
    telling = recipient.telling
    return f", by attempt {telling.number}" if telling and telling.number > 1 else ""
