"""A session: one WhatsApp account on the VPS. What matters to sending is whether it may be used now.

`session_decider` holds the other half, commands to events.
"""

from typing import Literal

import msgspec


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operator allows it: `daily_cap` messages a day, and none between `quiet_from` and `quiet_to` ("HH:MM",
    perhaps over midnight), by the clock of `timezone`.
    """

    daily_cap: int | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None
    timezone: str = "UTC"


class SessionEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact about a session; `at_ms` is when it was recorded, in epoch ms."""

    at_ms: int


class Used(SessionEvent, frozen=True, tag="session.used"):
    """A tenant used it first: it is that tenant's from now on."""

    tenant: str


class Parked(SessionEvent, frozen=True, tag="session.parked"):
    """It did not take messages; nothing leaves through it before `until_ms`. `told`: the VPS itself said for how long
    at the least; that prolongs a rest that has begun.
    """

    until_ms: int
    error: str
    told: bool = False


class Stopped(SessionEvent, frozen=True, tag="session.stopped"):
    """WhatsApp restricted the account; nothing leaves until somebody lets it."""

    error: str


class Resumed(SessionEvent, frozen=True, tag="session.resumed"):
    """It takes messages again. `parks`: so many parkings in a row still count, since no message has proved it yet."""

    parks: int = 0


class Reported(SessionEvent, frozen=True, tag="session.reported"):
    """The VPS told its state, in its own word. With `error` it is not what we believed. `told_at_ms` is when it was so,
    by the VPS's clock, where it said when; not after `at_ms`.
    """

    status: str
    phone_number: str | None = None
    source: Literal["callback", "verification"] = "callback"
    error: str | None = None
    told_at_ms: int | None = None


class FellSilent(SessionEvent, frozen=True, tag="session.silent"):
    """Messages were taken, and no callback of any kind has come since `since_ms`."""

    since_ms: int
    error: str


class Paused(SessionEvent, frozen=True, tag="session.paused"):
    """Somebody, or the watchdog, lets nothing leave through it."""

    by: str
    why: str | None = None


class Released(SessionEvent, frozen=True, tag="session.released"):
    """Somebody lets it go on, whatever held it."""

    by: str
    why: str | None = None


class Configured(SessionEvent, frozen=True, tag="session.configured"):
    """Somebody set its limits."""

    by: str
    limits: Limits


class GroupsSynced(SessionEvent, frozen=True, tag="session.groups_synced"):
    """Its groups were read from the VPS: so many can be kept, so many are community parents, so many vanished."""

    groups: int
    parents: int
    gone: int


class Moved(SessionEvent, frozen=True, tag="session.moved"):
    """Somebody moved all that was still to be sent to another session."""

    by: str
    why: str | None
    to_session_id: str


Event = (
    Used
    | Parked
    | Stopped
    | Resumed
    | Reported
    | FellSilent
    | Paused
    | Released
    | Configured
    | GroupsSynced
    | Moved
)
"""Every fact of a session stream, as one tagged union."""

CONNECTED = "connected"
DOWN = frozenset({"disconnected", "qr", "connecting"})
"""The VPS's words that say that nothing can be sent. A word that we do not know says neither."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a session stream. `parks` counts parkings in a row: each lasts longer than the one before.

    `tenant` is empty until somebody uses it. `watched_from_ms`: silence before that time has been dealt with.
    `troubled_since_ms`: since when it has been in this trouble. `told_at_ms`: the latest time for which the VPS told a
    state.
    """

    status: str
    parked_until_ms: int | None = None
    parks: int = 0
    stopped: bool = False
    phone_number: str | None = None
    last_error: str | None = None
    last_error_at_ms: int | None = None
    tenant: str = ""
    told_to_wait: bool = False
    paused: bool = False
    silent_since_ms: int | None = None
    watched_from_ms: int = 0
    limits: Limits = Limits()
    groups_synced_at_ms: int | None = None
    troubled_since_ms: int | None = None
    moved_to: str | None = None
    told_at_ms: int | None = None

    @property
    def down(self) -> bool:
        """The VPS said that nothing can be sent through it."""
        return self.status in DOWN

    @property
    def shut(self) -> bool:
        """Only somebody's word opens it again: an operator's, or the VPS's where it is down."""
        return self.stopped or self.paused or self.down

    @property
    def held(self) -> bool:
        """Something holds it that an operator may lift."""
        silent, rests = self.silent_since_ms is not None, self.parked_until_ms is not None
        return self.stopped or self.paused or silent or rests

    @property
    def attention(self) -> str | None:
        """Why somebody should look at it; None when nobody need."""
        if self.stopped:
            return "stopped"
        if self.silent_since_ms is not None:
            return "silent"
        return "disconnected" if self.status in ("disconnected", "qr") else None

    @property
    def trouble(self) -> str | None:
        """Why nothing, or nothing that is seen, goes through it without anybody having wanted that."""
        return self.attention or (None if self.parked_until_ms is None else "parked")

    def is_told_to_wait(self, now_ms: int) -> bool:
        """Tell whether it rests because the VPS said for how long: only an operator's word ends that any earlier."""
        return self.told_to_wait and (self.parked_until_ms or 0) > now_ms

    def may_send(self, now_ms: int) -> bool:
        """Tell whether messages may leave through it now, as far as its health goes."""
        return not self.shut and (self.parked_until_ms or 0) <= now_ms


UNKNOWN = Session("unknown")
"""A session that nobody has told anything of."""


def evolve(session: Session, event: Event) -> Session:
    """Return the state after an event; a trouble that is new begins with it."""
    changed = _evolved(session, event)
    if changed.trouble == session.trouble:
        return changed
    return msgspec.structs.replace(changed, troubled_since_ms=event.at_ms if changed.trouble else None)


def _evolved(session: Session, event: Event) -> Session:
    match event:
        case Reported():
            return _reported(session, event)
        case Parked() | Stopped() | FellSilent():
            return _failed(session, event)
        case _:
            return _wished(session, event)


def _reported(session: Session, event: Reported) -> Session:
    changed = msgspec.structs.replace(
        session,
        status=event.status,
        phone_number=event.phone_number or session.phone_number,
        told_at_ms=session.told_at_ms if event.told_at_ms is None else event.told_at_ms,
    )
    return _with_error(changed, event.error, event.at_ms) if event.error else changed


def _failed(session: Session, event: Parked | Stopped | FellSilent) -> Session:
    replace = msgspec.structs.replace
    session = _with_error(session, event.error, event.at_ms)
    match event:
        case Parked(at_ms, until_ms, _, told):
            prolonged = told and (session.parked_until_ms or 0) > at_ms
            parks = session.parks if prolonged else session.parks + 1
            return replace(session, parked_until_ms=until_ms, parks=parks, told_to_wait=told)
        case Stopped():
            return replace(session, stopped=True)
        case FellSilent(_, since_ms):
            return replace(session, silent_since_ms=since_ms)


def _with_error(session: Session, error: str, at_ms: int) -> Session:
    return msgspec.structs.replace(session, last_error=error, last_error_at_ms=at_ms)


def _wished(
    session: Session, event: Used | Resumed | Paused | Released | Configured | GroupsSynced | Moved
) -> Session:
    replace = msgspec.structs.replace
    match event:
        case Used(_, tenant):
            return replace(session, tenant=tenant)
        case Resumed(_, parks):
            return replace(session, parked_until_ms=None, parks=parks, told_to_wait=False)
        case Paused():
            return replace(session, paused=True)
        case Released(at_ms):
            return replace(
                session,
                stopped=False,
                paused=False,
                silent_since_ms=None,
                watched_from_ms=at_ms,
                parked_until_ms=None,
                parks=0,
                told_to_wait=False,
            )
        case Configured(_, _, limits):
            return replace(session, limits=limits)
        case GroupsSynced(at_ms):
            return replace(session, groups_synced_at_ms=at_ms)
        case Moved(_, _, _, to_session_id):
            return replace(session, moved_to=to_session_id)
