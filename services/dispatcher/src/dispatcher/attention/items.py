"""The items: how each kind is named, what it says, what is at risk, and what can be done. Pure."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Kind(StrEnum):
    """What asks for attention."""

    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    DEAD_LETTER = "dead_letter"
    AMBIGUOUS_CALLBACK = "ambiguous_callback"
    UNMATCHED_CALLBACK = "unmatched_callback"
    SESSION = "session"
    QUARANTINED = "quarantined"
    CAMPAIGN = "campaign"


class Action(StrEnum):
    """What can be done about it."""

    RETRY = "retry"
    """A message: send it again. A session: let it go on."""
    CONFIRM_SENT = "confirm_sent"
    GIVE_UP = "give_up"
    DISMISS = "dismiss"


ACTIONS: dict[Kind, tuple[Action, ...]] = {
    Kind.HELD: (Action.RETRY, Action.CONFIRM_SENT, Action.GIVE_UP),
    Kind.UNCONFIRMED: (Action.RETRY, Action.CONFIRM_SENT, Action.GIVE_UP),
    Kind.DEAD_LETTER: (Action.RETRY, Action.CONFIRM_SENT, Action.DISMISS),
    Kind.AMBIGUOUS_CALLBACK: (Action.DISMISS,),
    Kind.UNMATCHED_CALLBACK: (Action.DISMISS,),
    Kind.SESSION: (Action.RETRY, Action.DISMISS),
    Kind.QUARANTINED: (Action.DISMISS,),
    Kind.CAMPAIGN: (Action.DISMISS,),
}
"""A message that is not settled cannot be dismissed: its campaign would never end. A callback that may be about several
messages is never applied by guess: the messages are settled, not the callback.
"""


class Item(msgspec.Struct, frozen=True):
    """Something that somebody should look at: what happened, the risk, since when, and what can be done."""

    id: str
    kind: Kind
    what: str
    risk: str
    since: datetime
    actions: tuple[Action, ...]
    broadcast_id: UUID | None = None
    recipient: str | None = None
    session_id: str | None = None
    error_code: int | None = None


MESSAGE, CALLBACK, SESSION, QUARANTINED = "message-", "callback-", "session-", "quarantined-"
CAMPAIGN = "campaign-"
"""How ids begin. The rest is the attempt's id, the report's, the time and the session's id, the dead message's, the
version and the id of a campaign: what happens again is another item.
"""


def of_session(session_id: str, since_ms: int) -> str:
    """Return the id of a session's trouble that began then."""
    return f"{SESSION}{since_ms}-{session_id}"


def session_of(item_id: str) -> tuple[str, int] | None:
    """Return the session and the beginning of its trouble (epoch ms) that an id names."""
    since, _, session_id = item_id.removeprefix(SESSION).partition("-")
    return (session_id, int(since)) if since.isascii() and since.isdecimal() and len(since) < 16 else None


def of_campaign(campaign_id: UUID, version: int) -> str:
    """Return the id of what a campaign asks for as it stands."""
    return f"{CAMPAIGN}{version}-{campaign_id}"


def campaign_of(item_id: str) -> tuple[UUID, int] | None:
    """Return the campaign and its version that an id names."""
    version, _, campaign_id = item_id.removeprefix(CAMPAIGN).partition("-")
    try:
        return UUID(campaign_id), int(version)
    except ValueError:
        return None
