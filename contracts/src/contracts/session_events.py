"""Published events of sessions and of their groups, in order per session, at least once.

On `wa.event.session.<verb>.<session_id>` and `wa.event.group.<verb>.<session_id>`.
"""

from typing import Literal

import msgspec

from contracts.envelope import Instant, Message


class SessionLimits(msgspec.Struct, frozen=True):
    """Messages a day, and hours ("HH:MM") in which none leaves, by the clock of `timezone`."""

    daily_cap: int | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None
    timezone: str = "UTC"


class SessionEvent(Message, frozen=True, kw_only=True):
    """A fact about a session. `position` orders all events of one installation; `status` is the VPS's own word for
    where the session stands after the event, `unknown` before it told one. The tenant is empty until one uses it.
    """

    session_id: str
    position: int
    status: str


class SessionUsed(SessionEvent, frozen=True, kw_only=True, tag="session.used"):
    """The tenant used it first: it is that tenant's from now on."""


class SessionParked(SessionEvent, frozen=True, kw_only=True, tag="session.parked"):
    """It did not take messages: nothing leaves through it before `until`. `told`: the VPS itself said until when."""

    until: Instant
    error: str
    told: bool = False


class SessionStopped(SessionEvent, frozen=True, kw_only=True, tag="session.stopped"):
    """WhatsApp restricted the account: nothing leaves until somebody lets it."""

    error: str


class SessionResumed(SessionEvent, frozen=True, kw_only=True, tag="session.resumed"):
    """It takes messages again."""


class SessionReported(SessionEvent, frozen=True, kw_only=True, tag="session.reported"):
    """The VPS told its state. With `error` it is not what was believed."""

    source: Literal["callback", "verification"]
    phone_number: str | None = None
    error: str | None = None


class SessionSilent(SessionEvent, frozen=True, kw_only=True, tag="session.silent"):
    """Messages were taken, and no callback of any kind has come since."""

    since: Instant
    error: str


class SessionDecided(SessionEvent, frozen=True, kw_only=True):
    """Somebody decided something about it."""

    by: str
    why: str | None = None


class SessionPaused(SessionDecided, frozen=True, kw_only=True, tag="session.paused"):
    """Nothing leaves through it."""


class SessionReleased(SessionDecided, frozen=True, kw_only=True, tag="session.released"):
    """It goes on, whatever held it."""


class SessionConfigured(SessionEvent, frozen=True, kw_only=True, tag="session.configured"):
    """Its limits were set."""

    by: str
    limits: SessionLimits


class SessionMoved(SessionDecided, frozen=True, kw_only=True, tag="session.moved"):
    """What was still to be sent through it goes through another session."""

    to_session_id: str


class SessionGroupsSynced(SessionEvent, frozen=True, kw_only=True, tag="session.groups_synced"):
    """Its groups were read from the VPS."""

    groups: int
    community_parents: int
    gone: int


class GroupEvent(Message, frozen=True, kw_only=True):
    """A fact about a group as one session sees it; `status` tells whether messages can be sent to it afterwards."""

    session_id: str
    group_jid: str
    position: int
    status: Literal["sendable", "not_sendable"]


class GroupSeen(GroupEvent, frozen=True, kw_only=True, tag="group.seen"):
    """The VPS lists it, or lists something else of it than before."""

    name: str
    member_count: int
    is_admin: bool
    is_announce: bool
    invite_link: str | None = None


class GroupParentFound(GroupEvent, frozen=True, kw_only=True, tag="group.parent_found"):
    """It is a community parent: it takes no messages, and is not kept among the groups."""


class GroupGone(GroupEvent, frozen=True, kw_only=True, tag="group.gone"):
    """The session does not see it any more."""


class GroupRefused(GroupEvent, frozen=True, kw_only=True, tag="group.refused"):
    """WhatsApp refused a message to it for good; the next sync lets it be tried again."""

    error: str


class GroupMemberMoved(GroupEvent, frozen=True, kw_only=True, tag="group.member_moved"):
    """Somebody joined (`present`) or left."""

    participant: str
    present: bool
    moved_at: Instant


class GroupCarriedOver(GroupEvent, frozen=True, kw_only=True, tag="group.carried_over"):
    """What another session knew of it is known of it here: somebody moved that session to this one."""

    by: str
    why: str | None = None
    from_session_id: str


SessionOrGroupEvent = (
    SessionUsed
    | SessionParked
    | SessionStopped
    | SessionResumed
    | SessionReported
    | SessionSilent
    | SessionPaused
    | SessionReleased
    | SessionConfigured
    | SessionMoved
    | SessionGroupsSynced
    | GroupSeen
    | GroupParentFound
    | GroupGone
    | GroupRefused
    | GroupMemberMoved
    | GroupCarriedOver
)
