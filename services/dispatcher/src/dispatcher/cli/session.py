"""`dispatcher session`: what messages are sent through."""

from typing import Annotated

import msgspec
import typer
from rich.console import RenderableType

from dispatcher.cli import display, listing
from dispatcher.cli.answers import Moved, Session, SessionSettings
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command, confirm
from dispatcher.cli.parameters import After, By, Limit, SessionId, Why, Yes, who

group = typer.Typer(name="session", no_args_is_help=True, help="See and steer the WhatsApp sessions.")

VERIFICATION_SECONDS = 60.0
"""So long the API may wait for the VPS."""


@command(group, "list")
def list_sessions(call: Invocation, limit: Limit = 100, after: After = None) -> None:
    """List the sessions, and what keeps them from sending."""
    call.tell_page(path_of("sessions"), Session, _table_of, limit=limit, after=after)


@command(group)
def show(call: Invocation, session: SessionId) -> None:
    """Show one session."""
    call.tell(call.api.get(path_of("sessions", session)), Session, _sheet_of)


@command(group)
def verify(
    call: Invocation,
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="The session; all of them if none is given.")
    ] = None,
    limit: Limit = 100,
    after: After = None,
) -> None:
    """Ask the VPS for the state of a session, or of all, now."""
    if session is not None:
        _ask(call, session, "verify", "Verifying…")
        return
    with call.waiting("Verifying…"):
        answer = call.api.patient(VERIFICATION_SECONDS).post(
            path_of("sessions", "verify"), limit=limit, after=after
        )
    call.show_page(answer, Session, _table_of)


@command(group)
def connect(call: Invocation, session: SessionId) -> None:
    """Let the VPS connect a session. The id that it has then is told."""
    _ask(call, session, "connect", "Connecting…")


@command(group)
def disconnect(call: Invocation, session: SessionId, yes: Yes = False) -> None:
    """Let the VPS disconnect a session."""
    confirm(f"Disconnect {session}? What waits for it stays until it is connected again.", yes=yes)
    _ask(call, session, "disconnect", "Disconnecting…")


@command(group)
def pause(call: Invocation, session: SessionId, why: Why = None, by: By = None) -> None:
    """Let nothing leave through a session; what is in flight still arrives."""
    _tell(call, session, "pause", why, by)


@command(group)
def resume(call: Invocation, session: SessionId, why: Why = None, by: By = None) -> None:
    """Let a session go on, whatever held it: a pause, a stop after error 463, silence, a rest."""
    _tell(call, session, "resume", why, by)


@command(group)
def move(
    call: Invocation,
    session: SessionId,
    to: Annotated[str, typer.Argument(metavar="NEW", help="The session that takes over.")],
    why: Why = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Send what a session still has to send through another one, as after connecting anew; its groups go with it."""
    confirm(f"Move all that waits for {session} to {to}?", yes=yes)
    body = {"by": who(by), **({"why": why} if why else {})}
    answer = call.api.patient(VERIFICATION_SECONDS).post(path_of("sessions", session, "move-to", to), body)
    call.tell(answer, Moved, _move_of)


@command(group)
def limit(
    call: Invocation,
    session: SessionId,
    daily_cap: Annotated[int | None, typer.Option(min=0, help="Messages a day; 0 for no limit.")] = None,
    quiet: Annotated[
        str | None,
        typer.Option(metavar="HH:MM-HH:MM", help="Hours in which nothing leaves; `none` for no such hours."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of day and hours, as Asia/Jerusalem.")
    ] = None,
    by: By = None,
) -> None:
    """Set a session's daily cap and quiet hours; what is not named stays as it is."""
    known = msgspec.json.decode(call.api.get(path_of("sessions", session)), type=Session).settings
    wanted = changed(known, daily_cap, quiet, timezone)
    body = {**msgspec.structs.asdict(wanted), "by": who(by)}
    call.tell(call.api.put(path_of("sessions", session, "settings"), body), Session, _sheet_of)


def changed(
    known: SessionSettings, daily_cap: int | None, quiet: str | None, timezone: str | None
) -> SessionSettings:
    """Return the settings with what is given laid over them."""
    quiet_from, quiet_to = known.quiet_from, known.quiet_to
    if quiet == "none":
        quiet_from = quiet_to = None
    elif quiet is not None:
        quiet_from, _, quiet_to = (part.strip() for part in quiet.partition("-"))
    cap = known.daily_cap if daily_cap is None else daily_cap or None
    return SessionSettings(cap, quiet_from, quiet_to, timezone or known.timezone)


def _ask(call: Invocation, session: str, verb: str, meanwhile: str) -> None:
    with call.waiting(meanwhile):
        answer = call.api.patient(VERIFICATION_SECONDS).post(path_of("sessions", session, verb))
    call.tell(answer, Session, _sheet_of)


def _tell(call: Invocation, session: str, verb: str, why: str | None, by: str | None) -> None:
    body = {"by": who(by), **({"why": why} if why else {})}
    call.tell(call.api.post(path_of("sessions", session, verb), body), Session, _sheet_of)


def _table_of(sessions: list[Session]) -> RenderableType:
    return listing.table(
        ("SESSION", "STATUS", "PHONE", "SENDS", "VERIFIED", "ATTENTION"),
        (
            (
                one.session_id,
                one.status,
                one.phone_number,
                one.sendable,
                one.last_verified_at,
                _remark(one),
            )
            for one in sessions
        ),
    )


def _remark(one: Session) -> str | None:
    return f"moved to {one.moved_to}" if one.moved_to else one.attention or one.last_error


def _move_of(moved: Moved) -> RenderableType:
    return display.sheet(
        [
            ("session", moved.session_id),
            ("moved to", moved.moved_to),
            ("campaigns", moved.campaigns),
            ("recipients still to send to", moved.recipients),
            ("groups", moved.groups),
        ]
    )


def _sheet_of(one: Session) -> RenderableType:
    limits = one.settings
    quiet = f"{limits.quiet_from} to {limits.quiet_to} ({limits.timezone})" if limits.quiet_from else None
    return display.sheet(
        [
            ("session", one.session_id),
            ("status", one.status),
            ("connection", one.connection),
            ("phone", one.phone_number),
            ("sends", one.sendable),
            ("attention", one.attention),
            ("paused", one.paused or None),
            ("stopped", one.stopped or None),
            ("rests until", one.parked_until),
            ("silent since", one.silent_since),
            ("last error", one.last_error),
            ("  at", one.last_error_at),
            ("verified", one.last_verified_at),
            ("groups synced", one.groups_synced_at),
            ("moved to", one.moved_to),
            ("daily cap", limits.daily_cap),
            ("quiet hours", quiet),
        ]
    )
