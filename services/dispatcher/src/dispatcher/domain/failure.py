"""What an error code of WhatsApp means for the message and for its session, as one table."""

from enum import StrEnum

import msgspec


class Retry(StrEnum):
    """May the message be sent again?"""

    NEVER = "never"
    ONCE = "once"
    BACKOFF = "backoff"


class SessionEffect(StrEnum):
    """What the code tells of the session that sent the message."""

    NONE = "none"
    CHECK = "check"
    """Unwell: nothing more leaves until it has been checked."""
    STOP = "stop"
    """Restricted: more sends make it worse; only an operator lets it go on."""


class Meaning(msgspec.Struct, frozen=True):
    """What to do about one code."""

    retry: Retry
    session: SessionEffect = SessionEffect.NONE


GROUP_REFUSED = 420
"""The group cannot be written to: a community parent, mostly."""

MEANINGS = {
    GROUP_REFUSED: Meaning(Retry.NEVER),
    421: Meaning(Retry.BACKOFF, SessionEffect.CHECK),
    428: Meaning(Retry.BACKOFF, SessionEffect.CHECK),
    463: Meaning(Retry.NEVER, SessionEffect.STOP),
    479: Meaning(Retry.ONCE),
}
"""The VPS contract's table of error acks (its section "What failures mean")."""

UNMAPPED = Meaning(Retry.NEVER)
"""Any other code: failed for good."""


def meaning_of(code: int) -> Meaning:
    """Return what an error ack's code means."""
    return MEANINGS.get(code, UNMAPPED)
