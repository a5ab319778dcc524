"""What follows from a command to a session: events, or nothing."""

import msgspec

from dispatcher.domain.session import (
    CONNECTED,
    DOWN,
    Configured,
    Event,
    FellSilent,
    GroupsSynced,
    Limits,
    Moved,
    Parked,
    Paused,
    Released,
    Reported,
    Resumed,
    Session,
    Stopped,
    Used,
)

PROBE_LEAD_MS = 1_000
"""A parked session is asked so long before a message would try it, so that no message has to find out."""


class SessionCommand(msgspec.Struct, frozen=True):
    """A wish, or a report, about one session."""

    now_ms: int


class Use(SessionCommand, frozen=True):
    """A tenant wants to send through it, or to see to it."""

    tenant: str


class Park(SessionCommand, frozen=True):
    """It did not take a message; with `wait_ms` the VPS itself said for how long."""

    error: str
    wait_ms: int | None = None


class Stop(SessionCommand, frozen=True):
    """More sends would make it worse."""

    error: str


class Resume(SessionCommand, frozen=True):
    """It took a message."""


class Report(SessionCommand, frozen=True):
    """The VPS told its state; `told_at_ms` is when it was so by the VPS's clock, where it said when."""

    status: str
    phone_number: str | None = None
    told_at_ms: int | None = None


class Verify(SessionCommand, frozen=True):
    """We asked the VPS for its state. `status` None: it gave no usable answer. `wanted`: messages wait for it."""

    status: str | None
    phone_number: str | None = None
    wanted: bool = False


class FallSilent(SessionCommand, frozen=True):
    """No callback has come since `since_ms`, although messages were taken. `pauses`: let nothing more leave."""

    since_ms: int
    error: str
    pauses: bool


class Pause(SessionCommand, frozen=True):
    """Let nothing leave through it."""

    by: str
    why: str | None = None


class Release(SessionCommand, frozen=True):
    """Let it go on, whatever held it."""

    by: str
    why: str | None = None


class Configure(SessionCommand, frozen=True):
    """Set its limits."""

    by: str
    limits: Limits


class RecordGroups(SessionCommand, frozen=True):
    """Its groups were read from the VPS."""

    groups: int
    parents: int
    gone: int


class Move(SessionCommand, frozen=True):
    """Somebody moves all that is still to be sent to another session."""

    by: str
    why: str | None
    to_session_id: str


Command = (
    Use
    | Park
    | Stop
    | Resume
    | Report
    | Verify
    | FallSilent
    | Pause
    | Release
    | Configure
    | RecordGroups
    | Move
)


def decide(command: Command, session: Session, park_seconds: tuple[float, ...]) -> list[Event]:
    """Turn a command into facts. `park_seconds[n]` is how long the n-th parking in a row lasts."""
    match command:
        case Park():
            return _park(command, session, park_seconds)
        case Stop(now, error):
            return [] if session.stopped else [Stopped(now, error)]
        case Resume(now):
            rested = session.parked_until_ms is not None or session.parks > 0
            return [Resumed(now)] if rested and not session.is_told_to_wait(now) else []
        case Report():
            return _report(command, session)
        case Verify():
            return _verify(command, session, park_seconds)
        case FallSilent():
            return _fall_silent(command, session)
        case _:
            return _wish(command, session)


def _wish(command: Use | Pause | Release | Configure | RecordGroups | Move, session: Session) -> list[Event]:
    match command:
        case Use(now, tenant):
            return [] if session.tenant else [Used(now, tenant)]
        case Pause(now, by, why):
            return [] if session.paused else [Paused(now, by, why)]
        case Release(now, by, why):
            return [Released(now, by, why)] if session.held else []
        case Configure(now, by, limits):
            return [] if limits == session.limits else [Configured(now, by, limits)]
        case RecordGroups(now, groups, parents, gone):
            return [GroupsSynced(now, groups, parents, gone)]
        case Move(now, by, why, to_session_id):
            return [Moved(now, by, why, to_session_id)]


def _park(command: Park, session: Session, park_seconds: tuple[float, ...]) -> list[Event]:
    """Let it rest. One that rests already does so for longer only where the VPS itself says for how long."""
    now, until_ms = command.now_ms, session.parked_until_ms or 0
    if command.wait_ms is not None:
        told_until_ms = max(until_ms, now + command.wait_ms)
        known = session.is_told_to_wait(now) and told_until_ms == until_ms
        return [] if known else [Parked(now, told_until_ms, command.error, told=True)]
    return [] if until_ms > now else [Parked(now, now + _rest_ms(session, park_seconds), command.error)]


def _rest_ms(session: Session, park_seconds: tuple[float, ...]) -> int:
    return int(park_seconds[min(session.parks, len(park_seconds) - 1)] * 1000)


def _report(command: Report, session: Session) -> list[Event]:
    """Believe a report, unless a later one was heard before. One that only confirms what we believe is kept where it is
    later than all others, so that none of them can deny it when it comes at last. A time after the present is taken for
    the present: once the VPS's clock is right again its reports must count.
    """
    events: list[Event] = []
    now, status, phone_number = command.now_ms, command.status, command.phone_number
    told_ms = None if command.told_at_ms is None else min(command.told_at_ms, now)
    latest_ms = session.told_at_ms
    if told_ms is not None and latest_ms is not None and told_ms < latest_ms:
        return []
    if _is_news(status, phone_number, session) or told_ms not in (None, latest_ms):
        events.append(Reported(now, status, phone_number, told_at_ms=told_ms))
    rests = session.parked_until_ms is not None
    if status == CONNECTED and rests and not session.is_told_to_wait(now):
        events.append(Resumed(now))
    return events


def _is_news(status: str, phone_number: str | None, session: Session) -> bool:
    return (status, phone_number or session.phone_number) != (session.status, session.phone_number)


def _verify(command: Verify, session: Session, park_seconds: tuple[float, ...]) -> list[Event]:
    """Correct what we believed. A parked session goes on when it says that it is connected; and where messages wait for
    one that is down, it rests for longer instead of being tried with one of them. Neither happens before a wait is over
    that the VPS told us.
    """
    now, status = command.now_ms, command.status
    events: list[Event] = []
    error = f"the VPS says {status}, and we believed {session.status}"
    if status is not None and _is_news(status, command.phone_number, session):
        believed_up = session.status == CONNECTED and status != CONNECTED
        events.append(
            Reported(now, status, command.phone_number, "verification", error if believed_up else None)
        )
    if session.is_told_to_wait(now):
        return events
    parked_until_ms = session.parked_until_ms
    if _is_well(command, session):
        if parked_until_ms is not None:
            events.append(Resumed(now, session.parks))
    elif command.wanted and (parked_until_ms or 0) <= now + PROBE_LEAD_MS and _is_down(command, session):
        told = f"the VPS says {status}" if status else "the VPS does not tell its state"
        events.append(Parked(now, now + _rest_ms(session, park_seconds), told))
    return events


def _is_well(command: Verify, session: Session) -> bool:
    """Tell whether an answer says so; after a wait that the VPS told us, whatever answer does not say the contrary."""
    waited = session.told_to_wait and command.status is not None
    return command.status == CONNECTED or (waited and command.status not in DOWN)


def _is_down(command: Verify, session: Session) -> bool:
    """Tell whether an answer says so; none at all says it only of a session that was down already, or that rests
    without having been told for how long.
    """
    if command.status is None:
        return session.down or (session.parked_until_ms is not None and not session.told_to_wait)
    return command.status in DOWN


def _fall_silent(command: FallSilent, session: Session) -> list[Event]:
    if session.silent_since_ms is not None or session.paused:
        return []
    silent: list[Event] = [FellSilent(command.now_ms, command.since_ms, command.error)]
    return [*silent, Paused(command.now_ms, "watchdog", command.error)] if command.pauses else silent
