"""Recorded events become published ones."""

from collections.abc import Callable
from datetime import datetime
from typing import get_args
from uuid import UUID

import msgspec

from contracts import events as published
from contracts import subjects
from contracts.envelope import type_of
from contracts.session_events import GroupEvent, SessionEvent, SessionLimits
from dispatcher.domain import campaign, command_answer, group, recipient_events, session
from dispatcher.domain.tally import Tally
from dispatcher.store.postgres import Stored
from dispatcher.store.stream_names import CommandKey, GroupKey, key_of
from dispatcher.translate import to_time

_campaign_event = msgspec.json.Decoder(campaign.Event).decode
_answer = msgspec.json.Decoder(command_answer.Event).decode
_group_event = msgspec.json.Decoder(group.Event).decode
_session_event = msgspec.json.Decoder(session.Event).decode
_recipient_event = msgspec.json.Decoder(recipient_events.Event).decode


TYPES: dict[str, Callable[..., published.Event]] = {
    type_of(event_type): event_type for event_type in get_args(published.Event)
}
"""The published event of each stored name: the two are the same on purpose."""


def publishable(stored: Stored) -> published.Event | None:
    """Return the published form of a recorded event; None for one that only concerns us."""
    if stored.type not in TYPES:
        return None
    key = key_of(stored.stream)
    if isinstance(key, UUID):
        about = {"broadcast_id": str(key), **_told_of(_campaign_event(stored.data))}
    elif isinstance(key, tuple):
        about = {"broadcast_id": str(key[0]), "recipient": key[1], **details_of(stored)}
    elif isinstance(key, CommandKey):
        about = _plain(_answer(stored.data))
    elif isinstance(key, GroupKey):
        about = {**msgspec.structs.asdict(key), **_told_of_group(_group_event(stored.data))}
    else:
        about = {"session_id": key, **_told_of_session(_session_event(stored.data))}
    return TYPES[stored.type](**{**about, **_envelope(stored)})


def subject_of(message: published.Event) -> str:
    """Return where an event is published."""
    if isinstance(message, SessionEvent | GroupEvent):
        return subjects.of_event(message, subjects.token_of_session(message.session_id))
    return subjects.of_event(message, message.broadcast_id)


def _told_of_session(event: session.Event) -> dict[str, object]:
    """Return what a session's event tells beside its envelope, which holds tenant and status."""
    match event:
        case session.Used() | session.Resumed():
            return {}
        case session.Parked(_, until_ms, error, told):
            return {"until": to_time(until_ms), "error": error, "told": told}
        case session.FellSilent(_, since_ms, error):
            return {"since": to_time(since_ms), "error": error}
        case session.Configured(_, by, limits):
            return {"by": by, "limits": SessionLimits(**msgspec.structs.asdict(limits))}
        case session.GroupsSynced(_, groups, parents, gone):
            return {"groups": groups, "community_parents": parents, "gone": gone}
        case session.Reported():
            return {"source": event.source, "phone_number": event.phone_number, "error": event.error}
        case _:
            return _plain(event)


def _told_of_group(event: group.Event) -> dict[str, object]:
    """Return what a group's event tells beside its envelope."""
    match event:
        case group.Seen():
            return msgspec.structs.asdict(event.listing)
        case group.MemberMoved(_, participant, present, moved_at_ms):
            return {"participant": participant, "present": present, "moved_at": to_time(moved_at_ms)}
        case group.CarriedOver():
            return {"by": event.by, "why": event.why, "from_session_id": event.from_session_id}
        case _:
            return _plain(event)


def _told_of(event: campaign.Event) -> dict[str, object]:
    """Return what a campaign's event tells beside its envelope."""
    match event:
        case campaign.Accepted():
            return {
                "session_id": event.session_id,
                "total_recipients": event.recipients,
                "priority": event.priority,
            }
        case campaign.Scheduled(_, due_at_ms):
            return {"due_at": to_time(due_at_ms)}
        case campaign.Finished(_, _, tally) | campaign.Revised(_, _, tally):
            return _totals(tally)
        case _:
            return _plain(event)


def _plain(event: msgspec.Struct) -> dict[str, object]:
    """Return what an event tells where it is told as it is stored."""
    return {name: value for name, value in msgspec.structs.asdict(event).items() if name != "at_ms"}


def _totals(tally: Tally) -> dict[str, object]:
    return {
        "counts": published.Counts(**msgspec.structs.asdict(tally)),
        "sent_count": tally.succeeded,
        "failed_count": tally.failed,
    }


TIMES = {
    "due_at_ms": "due_at",
    "retry_at_ms": "retry_at",
    "sent_at_ms": "sent_at",
    "failed_at_ms": "failed_at",
    "seen_at_ms": "seen_at",
}
"""Our times in epoch ms, and what the published language calls them."""
RENAMED = {"code": "error_code"}
KEPT_TO_OURSELVES = frozenset(
    {"at_ms", "idempotency_key", "deadline_ms", "final", "position", "fields", "session_id"}
)


def details_of(stored: Stored) -> dict[str, object]:
    """Return what a recipient's event tells beside its envelope, in the published language."""
    details: dict[str, object] = {}
    for name, value in msgspec.structs.asdict(_recipient_event(stored.data)).items():
        if name in TIMES:
            details[TIMES[name]] = None if value is None else to_time(value)
        elif name not in KEPT_TO_OURSELVES:
            details[RENAMED.get(name, name)] = value
    return details


def _envelope(stored: Stored) -> dict[str, str | int | datetime | None]:
    return {
        "id": str(stored.id),
        "time": to_time(stored.recorded_at_ms),
        "tenant": stored.tenant,
        "correlation": stored.correlation,
        "causation": stored.causation,
        "position": stored.global_position,
        "status": stored.status or None,
    }
