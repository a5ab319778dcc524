"""`dispatcher group`: the groups of the sessions."""

from typing import Annotated

import typer
from rich.console import RenderableType

from dispatcher.cli import display, listing
from dispatcher.cli.answers import GroupOfSession, Synced
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command
from dispatcher.cli.parameters import After, Limit, SessionId

group = typer.Typer(name="group", no_args_is_help=True, help="See the groups of the sessions.")

SYNC_SECONDS = 120.0
"""So long the VPS may take to list a session's groups."""


@command(group)
def sync(call: Invocation, session: SessionId) -> None:
    """Read a session's groups from the VPS; may be repeated."""
    answer = call.api.patient(SYNC_SECONDS).post(path_of("sessions", session, "groups", "sync"))
    call.tell(answer, Synced, _sheet_of)


@command(group, "list")
def list_groups(
    call: Invocation,
    session: Annotated[str | None, typer.Option(help="Only those of this session.")] = None,
    query: Annotated[str | None, typer.Option(help="Only those with this in their name.")] = None,
    sendable: Annotated[
        bool | None,
        typer.Option("--sendable/--not-sendable", help="Only those that can, or cannot, be sent to."),
    ] = None,
    limit: Limit = 100,
    after: After = None,
) -> None:
    """List the groups that were synced."""
    wanted = {"session_id": session, "query": query, "sendable": sendable}
    call.tell_page(path_of("groups"), GroupOfSession, _table_of, **wanted, limit=limit, after=after)


def _sheet_of(synced: Synced) -> RenderableType:
    return display.sheet(
        [
            ("session", synced.session_id),
            ("groups", synced.groups),
            ("community parents left out", synced.community_parents),
            ("gone", synced.gone),
            ("not understood", synced.ignored or None),
        ]
    )


def _table_of(groups: list[GroupOfSession]) -> RenderableType:
    return listing.table(
        ("SESSION", "GROUP", "NAME", "MEMBERS", "SENDABLE", "REMARK"),
        (
            (one.session_id, one.group_jid, one.name, one.member_count, one.sendable, remark(one))
            for one in groups
        ),
    )


def remark(one: GroupOfSession) -> str | None:
    """Return what is special about a group."""
    remarks = {
        "gone": one.gone_at is not None,
        f"refused: {one.refusal}": one.refused_at is not None,
        "announcements": one.is_announce,
        "admin": one.is_admin,
    }
    return ", ".join(text for text, holds in remarks.items() if holds) or None
