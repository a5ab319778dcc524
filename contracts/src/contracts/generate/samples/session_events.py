"""Samples of published events of sessions and groups."""

from typing import Literal, TypedDict

from contracts.envelope import Instant
from contracts.generate.samples.sample import GROUP, READER, SESSION, Sample, after
from contracts.session_events import (
    GroupCarriedOver,
    GroupGone,
    GroupMemberMoved,
    GroupParentFound,
    GroupRefused,
    GroupSeen,
    SessionConfigured,
    SessionGroupsSynced,
    SessionLimits,
    SessionMoved,
    SessionParked,
    SessionPaused,
    SessionReleased,
    SessionReported,
    SessionResumed,
    SessionSilent,
    SessionStopped,
    SessionUsed,
)

OLD_SESSION = "wa_2a9e5d10c3b8"


class Shared(TypedDict):
    """The fields that every event has."""

    id: str
    time: Instant
    correlation: str
    session_id: str
    position: int


class SharedByGroups(Shared):
    """The fields that every event of a group has."""

    group_jid: str
    status: Literal["sendable", "not_sendable"]


def _of(position: int, session_id: str = SESSION) -> Shared:
    return {
        "id": f"0196a1c0-7e10-7000-8000-{position:012d}",
        "time": after(position),
        "correlation": session_id,
        "session_id": session_id,
        "position": position,
    }


def _group(position: int, status: Literal["sendable", "not_sendable"]) -> SharedByGroups:
    return {**_of(position), "group_jid": GROUP, "status": status}


_UP, _DOWN = "connected", "disconnected"

SAMPLES = (
    Sample(SessionUsed(**_of(201), status="unknown")),
    Sample(SessionReported(**_of(202), status=_UP, phone_number="12025550111", source="callback")),
    Sample(
        SessionReported(
            **_of(203),
            status=_DOWN,
            source="verification",
            error="the VPS says disconnected, and we believed connected",
        ),
        case="corrected",
    ),
    Sample(SessionParked(**_of(204), status=_DOWN, until=after(206), error="Session not connected")),
    Sample(SessionResumed(**_of(207), status=_UP)),
    Sample(SessionStopped(**_of(208), status=_UP, error="Error 463: account restricted")),
    Sample(SessionSilent(**_of(209), status=_UP, since=after(-400), error="no callback has come")),
    Sample(SessionPaused(**_of(210), status=_UP, by="dana", why="lunch")),
    Sample(SessionReleased(**_of(211), status=_UP, by="dana")),
    Sample(
        SessionConfigured(
            **_of(212),
            status=_UP,
            by="dana",
            limits=SessionLimits(800, "22:00", "07:30", "Asia/Jerusalem"),
        )
    ),
    Sample(SessionGroupsSynced(**_of(213), status=_UP, groups=41, community_parents=2, gone=1)),
    Sample(
        SessionMoved(
            **_of(214, OLD_SESSION), status=_DOWN, by="dana", why="connected anew", to_session_id=SESSION
        )
    ),
    Sample(
        GroupSeen(**_group(215, "sendable"), name="Team", member_count=12, is_admin=True, is_announce=False)
    ),
    Sample(GroupParentFound(**_group(216, "not_sendable"))),
    Sample(GroupGone(**_group(217, "not_sendable"))),
    Sample(GroupRefused(**_group(218, "not_sendable"), error="Error 420: not allowed")),
    Sample(
        GroupMemberMoved(**_group(219, "sendable"), participant=READER, present=True, moved_at=after(218))
    ),
    Sample(GroupCarriedOver(**_group(220, "sendable"), by="dana", from_session_id=OLD_SESSION)),
)
