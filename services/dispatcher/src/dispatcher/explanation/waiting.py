"""What a message waits for now, and what holds it up."""

from collections.abc import Iterator

import msgspec

from dispatcher.domain.campaign import Campaign
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.session import DOWN, Session
from dispatcher.domain.status import CampaignStatus, Status
from dispatcher.explanation.words import because, clock
from dispatcher.limits import day_of, quiet_until_ms


class Waiting(msgspec.Struct, frozen=True):
    """What it waits for, until when (epoch ms) where that is known, and what holds it up beside that."""

    words: str
    until_ms: int | None = None
    held_up_by: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """What stands around a message. `ahead`: the campaign whose message to the same recipient, through the same
    session, is on its way. `sent_today`: so many messages left through the session, where it has a daily cap.
    """

    campaign: Campaign
    session_id: str
    session: Session | None
    ahead: str | None
    now_ms: int
    sent_today: int = 0


IN_ITS_TURN = "its turn: it leaves in the pace of its session, next to what else is due there"
ASKED_THEN = "a callback of the VPS until then; after that the VPS is asked what became of it"
BEING_ASKED = "the VPS's word: it is asked what became of it, again and again until it answers"
SOMEBODY = (
    "a late callback, or somebody's decision: send it again (it may arrive twice), confirm that it was sent,"
    " or give it up"
)
NOTHING = "nothing"
WAITS = {
    Status.DELIVERED: "nothing; a reader may still read it",
    Status.READ: NOTHING,
    Status.FAILED: "nothing; it is sent again only when somebody wants that",
    Status.SKIPPED: NOTHING,
    Status.CANCELLED: NOTHING,
}


def waiting(recipient: Recipient, kind: str, place: Place) -> Waiting:
    """Return what a message waits for; `kind` is group or person."""
    last = recipient.last
    match recipient.status:
        case Status.QUEUED:
            return _queued(recipient, place)
        case Status.PROCESSING:
            return Waiting(ASKED_THEN, last.deadline_ms if last else None)
        case Status.UNCONFIRMED if last and last.held:
            return Waiting(SOMEBODY)
        case Status.UNCONFIRMED if last and last.deadline_ms > place.now_ms:
            return Waiting(ASKED_THEN, last.deadline_ms)
        case Status.UNCONFIRMED:
            return Waiting(BEING_ASKED)
        case Status.SENT:
            sign = "for a group there may never be another sign" if kind == "group" else "a receipt may come"
            return Waiting(f"nothing; {sign}, and an error ack may still come")
        case status:
            return Waiting(WAITS[status])


def _queued(recipient: Recipient, place: Place) -> Waiting:
    held_up_by = (*_by_campaign(place.campaign), *_by_session(place), *_by_other(place))
    due_ms = recipient.due_at_ms
    if due_ms is not None and due_ms > place.now_ms:
        return Waiting("the time of its next attempt", due_ms, held_up_by)
    return Waiting("what holds it up to end" if held_up_by else IN_ITS_TURN, None, held_up_by)


def _by_campaign(campaign: Campaign) -> Iterator[str]:
    match campaign.status:
        case CampaignStatus.ACCEPTED:
            yield "not all recipients of its campaign are recorded yet: repeating the request completes it"
        case CampaignStatus.SCHEDULED if campaign.scheduled_at_ms:
            yield f"its campaign is scheduled for {clock(campaign.scheduled_at_ms)}"
        case CampaignStatus.PAUSED:
            yield "its campaign is paused until somebody resumes it"
        case CampaignStatus.CANCELLED:
            yield "its campaign is cancelled, and it will be too"


def _by_session(place: Place) -> Iterator[str]:
    session, name = place.session, f"its session {place.session_id}"
    if session is None:
        return
    error = because(session.last_error)
    if session.stopped:
        yield f"{name} is stopped until somebody resumes it{error}"
    if session.paused:
        silent = session.silent_since_ms
        why = f": it fell silent at {clock(silent)}" if silent is not None else ""
        yield f"{name} is paused until somebody resumes it{why}"
    if (session.parked_until_ms or 0) > place.now_ms:
        yield f"{name} rests until {clock(session.parked_until_ms or 0)}{error}"
    if session.status in DOWN:
        yield f"{name} is {session.status}"
    limits = session.limits
    if quiet_until_ms(limits, place.now_ms) is not None:
        yield f"{name} sends nothing from {limits.quiet_from} to {limits.quiet_to} ({limits.timezone})"
    if limits.daily_cap is not None and place.sent_today >= limits.daily_cap:
        midnight = clock(day_of(limits, place.now_ms).end_ms)
        yield f"{name} has sent the {limits.daily_cap} messages that it may send today, and goes on at {midnight}"


def _by_other(place: Place) -> Iterator[str]:
    if place.ahead:
        yield f"campaign {place.ahead} has a message to the same recipient on its way, whose callback comes first"
