"""Callbacks, sessions and unreadable messages that somebody should look at: what is said of them."""

from uuid import UUID

import msgspec

from dispatcher.attention.items import (
    ACTIONS,
    CALLBACK,
    QUARANTINED,
    Action,
    Item,
    Kind,
    of_campaign,
    of_session,
)
from dispatcher.domain.session import Session
from dispatcher.translate import to_time


class ParkedReport(msgspec.Struct, frozen=True):
    """A callback that nobody could place. `recipient` and `message_id` are None where the asking
    tenant may not know them.
    """

    id: str
    report: str
    session_id: str | None
    recipient: str | None
    message_id: str | None
    parked_at_ms: int


class Unreadable(msgspec.Struct, frozen=True):
    """Something that could not be applied, from a hook or a NATS subject. `reason` is None where the asking tenant may
    not know it; `kind` as in the quarantine.
    """

    id: str
    source: str
    reason: str | None
    at_ms: int
    kind: str = "unreadable"


def callback_item(kind: Kind, report: ParkedReport) -> Item:
    """Return the item of a callback that nobody could place."""
    if kind is Kind.AMBIGUOUS_CALLBACK:
        what = f"The VPS reports {report.report}, and more than one message was open there: it was applied to none."
        risk = "One of those messages keeps a wrong status until it is settled: look at what is unconfirmed there."
    else:
        named = f" for message {report.message_id}" if report.message_id else ""
        what = f"The VPS reports {report.report}{named}, and no message is known that it is about."
        risk = "If it is about one of ours, that one's status is wrong; it is applied as soon as its message is known."
    return Item(
        f"{CALLBACK}{report.id}",
        kind,
        what,
        risk,
        to_time(report.parked_at_ms),
        ACTIONS[kind],
        recipient=report.recipient,
        session_id=report.session_id,
    )


TROUBLES = {
    "stopped": (
        "WhatsApp restricted the account",
        "Nothing leaves through it. To send more may cost the account.",
    ),
    "silent": ("It takes messages and never calls back", "What it took may all have left, or none of it."),
    "disconnected": ("It is not connected", "What is queued for it waits until it is connected again."),
    "parked": (
        "It does not take messages now, and rests",
        "What is queued for it waits; it is tried again by itself.",
    ),
}
"""What a session's trouble means, and what is at risk."""


def session_item(session_id: str, session: Session) -> Item:
    """Return the item of a session that is in trouble."""
    what, risk = TROUBLES[session.trouble or "parked"]
    paused = ", and was paused" if session.paused else ""
    error = f": {session.last_error}" if session.last_error else ""
    since_ms = session.troubled_since_ms or 0
    return Item(
        of_session(session_id, since_ms),
        Kind.SESSION,
        f"{what}{paused}{error}.",
        risk,
        to_time(since_ms),
        session_actions(session),
        session_id=session_id,
    )


def session_actions(session: Session) -> tuple[Action, ...]:
    """Return what can be done about a session: only what is held can be let go on."""
    return ACTIONS[Kind.SESSION] if session.held else (Action.DISMISS,)


SET_ASIDE = {
    "unknown": ("has a word that is new to us", "What it says is missing here. It is kept whole."),
    "conflict": (
        "says something else than what came before under its identity",
        "One of the two is wrong, and the first stands: look at the message that it is about.",
    ),
    "undelivered": (
        "was tried again and again in vain",
        "What it says is missing here. It is kept whole, and can be sent again once the reason is mended.",
    ),
}
"""What is in quarantine for another reason than that it could not be read, and what is at risk."""
UNREAD = (
    "could not be read",
    "What it says is missing here. It is kept whole, and can be sent again once the reason is mended.",
)


def quarantined_item(unreadable: Unreadable) -> Item:
    """Return the item of something that could not be applied."""
    happened, risk = SET_ASIDE.get(unreadable.kind, UNREAD)
    why = f": {unreadable.reason}" if unreadable.reason else ""
    return Item(
        f"{QUARANTINED}{unreadable.id}",
        Kind.QUARANTINED,
        f"What came in on {unreadable.source} {happened}{why}.",
        risk,
        to_time(unreadable.at_ms),
        ACTIONS[Kind.QUARANTINED],
    )


class Stopped(msgspec.Struct, frozen=True):
    """A campaign that has stood still since then: `accepted` and cut off, or `paused`."""

    campaign_id: UUID
    version: int
    status: str
    session_id: str
    since_ms: int


STOOD_STILL = {
    "accepted": (
        "It was cut off while its recipients were recorded",
        "Nothing of it is sent. Repeat the request, which completes it, or cancel it.",
    ),
    "paused": ("It is paused", "What is queued waits until it is resumed or cancelled."),
}
"""What a campaign that stands still waits for."""


def campaign_item(stopped: Stopped) -> Item:
    """Return the item of a campaign that has stood still for long."""
    what, risk = STOOD_STILL[stopped.status]
    return Item(
        of_campaign(stopped.campaign_id, stopped.version),
        Kind.CAMPAIGN,
        f"{what}.",
        risk,
        to_time(stopped.since_ms),
        ACTIONS[Kind.CAMPAIGN],
        broadcast_id=stopped.campaign_id,
        session_id=stopped.session_id,
    )
