"""Messages that somebody should look at: what is said of them."""

from dispatcher.attention.items import ACTIONS, MESSAGE, Item, Kind
from dispatcher.domain.recipient import Recipient
from dispatcher.projections.rows import ConcernRow
from dispatcher.translate import to_time

RISKS = {
    Kind.HELD: "Sent again it may arrive twice; given up it may have arrived all the same.",
    Kind.UNCONFIRMED: "Sent again now it may arrive twice. The VPS is still to be asked, and may settle it by itself.",
    Kind.DEAD_LETTER: "As far as anybody knows it did not arrive, and it is not sent again by itself.",
}


def message_item(row: ConcernRow, session_id: str, recipient: Recipient) -> Item:
    """Return the item of a message whose last attempt went through this session."""
    kind = Kind(row.concern)
    return Item(
        f"{MESSAGE}{row.attempt_id}",
        kind,
        what_happened(recipient),
        RISKS[kind],
        to_time(row.since_ms),
        ACTIONS[kind],
        row.campaign_id,
        row.recipient,
        session_id,
        row.error_code,
    )


def what_happened(recipient: Recipient) -> str:
    """Return what became of a message that is not where it should be."""
    made, last, failure = len(recipient.attempts), recipient.last, recipient.standing_failure
    if failure is not None:
        words = (
            f" The VPS says: {failure.vps_error}" if failure.vps_error not in (None, failure.error) else ""
        )
        tries = "It failed" if made == 1 else f"It failed for good after {made} attempts"
        return f"{tries}: {failure.error}.{words}"
    number = last.number if last else 0
    asked = " The VPS was asked and cannot tell." if last and last.held else ""
    return f"Attempt {number} was handed to the VPS, and nobody can say whether it left.{asked}"
