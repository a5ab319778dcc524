"""What happened to a message, step by step, in words."""

from dispatcher.domain import campaign as campaigns
from dispatcher.domain import recipient_events as event
from dispatcher.explanation.words import because, clock, said


def words_of(fact: event.Event) -> str:
    """Return what an event of a recipient says."""
    match fact:
        case event.Queued() | event.Skipped() | event.Cancelled() | event.Requeued():
            return _before_it_left(fact)
        case event.ReceiptRecorded() | event.ReactionChanged():
            return _by_readers(fact)
        case event.SendConfirmed():
            return _confirmed(fact)
        case event.SendFailed() | event.ErrorAcked():
            return _failed(fact) + _sequel(fact)
        case _:
            return _on_its_way(fact)


def words_of_campaign(fact: campaigns.Decided) -> str:
    """Return what somebody decided about the whole campaign."""
    return f"{fact.by} {_DECISIONS[type(fact)]}{because(fact.why)}"


_DECISIONS: dict[type[campaigns.Decided], str] = {
    campaigns.Paused: "paused the campaign",
    campaigns.Resumed: "let the campaign go on",
    campaigns.Cancelled: "cancelled the campaign",
    campaigns.RetryOrdered: "ordered that what failed is sent again",
    campaigns.VerifyOrdered: "ordered that the VPS is asked about all that is unconfirmed or failed",
    campaigns.ConfirmOrdered: "settled by hand all that was unconfirmed or failed",
}


def _before_it_left(fact: event.Queued | event.Skipped | event.Cancelled | event.Requeued) -> str:
    match fact:
        case event.Queued():
            return "the campaign wants it sent"
        case event.Skipped(_, reason):
            return f"left out before it was sent: {reason}"
        case event.Cancelled():
            return "cancelled with its campaign before it left"
        case event.Requeued(_, number, _, by, why):
            return (
                f"{by} wants it sent again{because(why)}; what failed up to attempt {number} counts no more"
            )


def _on_its_way(
    fact: event.SendStarted
    | event.SendAccepted
    | event.SendNotTaken
    | event.OutcomeUnknown
    | event.DeadlinePassed
    | event.SendHeld,
) -> str:
    match fact:
        case event.SendStarted():
            same = ", under the ids of an attempt that may have left" if fact.idempotency_key else ""
            told = f"it is handed to the VPS as {fact.message_id}{same}"
            return f"{told}; a callback may take until {clock(fact.deadline_ms)}"
        case event.SendAccepted():
            return "the VPS answers that it queued it, nothing more"
        case event.SendNotTaken(_, _, reason, vps_error, retry_at_ms):
            return (
                f"the VPS certainly did not take it: {reason}{said(vps_error)}; no attempt is used up,"
                f" and it is tried again from {clock(retry_at_ms)} on"
            )
        case event.OutcomeUnknown(_, _, reason):
            return f"no answer that can be read: {reason}; it may have left or not"
        case event.DeadlinePassed():
            return "no callback came in time; it may have left or not"
        case event.SendHeld(_, _, reason):
            return f"the VPS was asked and cannot tell: {reason}; held for a late callback or an operator"


def _confirmed(fact: event.SendConfirmed) -> str:
    match fact.source:
        case "callback":
            return f"the VPS calls back: sent at {clock(fact.sent_at_ms)} as {fact.message_id}"
        case "answer":
            return f"the VPS answers that it was sent as {fact.message_id}"
        case "lookup":
            return f"the VPS was asked: it was sent at {clock(fact.sent_at_ms)} as {fact.message_id}"
        case "operator":
            return f"{fact.by} says that it was sent{because(fact.why)}"


def _failed(fact: event.SendFailed | event.ErrorAcked) -> str:
    if isinstance(fact, event.ErrorAcked):
        return f"WhatsApp refuses it by an error ack: {fact.error}"
    match fact.source:
        case "callback":
            return f"the VPS calls back: not sent, {fact.error}{said(fact.vps_error, fact.error)}"
        case "answer":
            return f"the VPS refuses it: {fact.error}{said(fact.vps_error, fact.error)}"
        case "lookup":
            return "the VPS was asked: it was not sent"
        case "policy":
            return fact.error
        case "operator" if fact.final:
            return f"{fact.by} says that it was not sent{because(fact.why)}"
        case "operator":
            return f"{fact.by} gives it up, although nobody knows whether it left{because(fact.why)}"


def _sequel(fact: event.SendFailed | event.ErrorAcked) -> str:
    """Return whether there is another attempt, and when."""
    if fact.retry_at_ms is not None:
        return f"; the next attempt is due at {clock(fact.retry_at_ms)}"
    return "; it must not be tried again" if fact.final else "; no attempts are left"


def _by_readers(fact: event.ReceiptRecorded | event.ReactionChanged) -> str:
    match fact:
        case event.ReceiptRecorded(difference=0):
            return "another receipt of a reader that was counted already"
        case event.ReceiptRecorded(kind="delivered"):
            return f"a reader's phone has it since {clock(fact.seen_at_ms)}"
        case event.ReceiptRecorded():
            return f"a reader has read it at {clock(fact.seen_at_ms)}"
        case event.ReactionChanged(present=True):
            return f"a reader reacts{said(fact.emoji)}"
        case event.ReactionChanged():
            return "a reader takes a reaction back"
