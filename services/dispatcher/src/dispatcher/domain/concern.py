"""Which messages somebody should look at: those that nobody can tell of, and dead letters."""

from enum import StrEnum

import msgspec

from dispatcher.domain.recipient import Recipient
from dispatcher.domain.status import Status


class Concern(StrEnum):
    """Why somebody should look at a message."""

    UNCONFIRMED = "unconfirmed"
    """Nobody can say whether it left; the VPS is still to be asked."""
    HELD = "held"
    """The VPS was asked and cannot say either: it waits for somebody."""
    DEAD_LETTER = "dead_letter"
    """It failed for good, and not by the word of somebody who gave it up."""


class Concerned(msgspec.Struct, frozen=True):
    """What concerns whom: the attempt, and the error code of its failure where there is one."""

    concern: Concern
    attempt_id: str
    error_code: int | None = None


def concern_of(recipient: Recipient) -> Concerned | None:
    """Return why somebody should look at a message; None where nobody need."""
    last = recipient.last
    if last is None:
        return None
    match recipient.status:
        case Status.UNCONFIRMED:
            return Concerned(Concern.HELD if last.held else Concern.UNCONFIRMED, last.id)
        case Status.FAILED:
            failure = recipient.standing_failure
            if failure is not None and failure.source == "operator":
                return None
            return Concerned(Concern.DEAD_LETTER, last.id, failure.code if failure else None)
        case _:
            return None
