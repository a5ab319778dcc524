"""`dispatcher quarantine`: what was not applied, and sending it again."""

import sys
from base64 import b64decode
from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.text import Text

from dispatcher.cli import display, listing
from dispatcher.cli.answers import Quarantined, QuarantinedDetails, QuarantineRedriven
from dispatcher.cli.client import path_of
from dispatcher.cli.exits import Exit, Failure
from dispatcher.cli.invocation import Invocation, command
from dispatcher.cli.parameters import After, By, Limit, Why, Yes
from dispatcher.cli.redriving import chosen, redriven

group = typer.Typer(
    name="quarantine", no_args_is_help=True, help="Callbacks and NATS messages that were not applied."
)


class Kind(StrEnum):
    """Why something was not applied."""

    INVALID = "invalid"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"
    UNDELIVERED = "undelivered"


OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only these.")]
Source = Annotated[str | None, typer.Option(help="Only from this hook or NATS subject.")]
Since = Annotated[str | None, typer.Option(help="Only what came in then or later, as 2026-03-01T09:00:00Z.")]


@command(group, "list")
def list_things(
    call: Invocation,
    kind: OfKind = None,
    source: Source = None,
    since: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List them, newest first."""
    wanted = {"kind": kind, "source": source, "since": since}
    call.tell_page(path_of("quarantine"), Quarantined, _table_of, **wanted, limit=limit, after=after)


@command(group)
def show(
    call: Invocation,
    thing: Annotated[str, typer.Argument(metavar="ID", help="As it is listed.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print its body alone, byte by byte.")] = False,
) -> None:
    """Show one, with its body."""
    answer = call.api.get(path_of("quarantine", thing))
    if not raw:
        call.tell(answer, QuarantinedDetails, _sheet_of)
        return
    body = msgspec.json.decode(answer, type=QuarantinedDetails).body
    if body is None:
        raise Failure("its body was not kept whole, or is not yours to see", Exit.REFUSED)
    sys.stdout.buffer.write(b64decode(body))


@command(group)
def redrive(
    call: Invocation,
    things: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These, as they are listed.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All, where no option says which.")] = False,
    kind: OfKind = None,
    source: Source = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many it would be.")] = False,
    why: Why = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Publish them again as they were. Raw callbacks go through the gateway alone: `show --raw`, and post that."""
    wanted = {"kind": kind, "source": source, "since": since}
    choice = chosen(things, wanted, everything=everything)
    answer = redriven(call, "quarantine", choice, "Publish", dry_run=dry_run, why=why, by=by, yes=yes)
    call.tell(answer, QuarantineRedriven, _outcome_of)


def _table_of(things: list[Quarantined]) -> RenderableType:
    return listing.table(
        ("ID", "SINCE", "KIND", "FROM", "REASON", "SENT AGAIN"),
        ((one.id, one.at, one.kind, one.source, one.reason, _again(one)) for one in things),
    )


def _again(one: Quarantined) -> str:
    if one.redriven_at is not None:
        return f"by {one.redriven_by or 'its tenant'}"
    return "possible" if one.redrivable else "not from here"


def _sheet_of(one: QuarantinedDetails) -> RenderableType:
    facts: list[tuple[str, display.Cell]] = [
        ("id", one.id),
        ("since", one.at),
        ("kind", one.kind),
        ("from", one.source),
        ("reason", one.reason),
        ("about", one.about),
        ("size", one.size),
        ("not sent again", one.obstacle),
        ("sent again", one.redriven_at),
        ("by", one.redriven_by),
        ("why", one.redriven_why),
    ]
    shown = (
        one.text
        if one.text is not None
        else "no text: --raw prints its bytes"
        if one.body
        else "its body was not kept here, or is not yours to see"
    )
    return Group(display.sheet(facts), "", Text(display.clean(shown)))


def _outcome_of(done: QuarantineRedriven) -> RenderableType:
    return display.sheet(
        [
            ("would be sent again" if done.dry_run else "sent again", done.redriven),
            ("already", done.already or None),
            ("more", "there are more: repeat it" if done.more else None),
            *((f"not {one.id}", f"{one.detail} ({one.code})") for one in done.refused),
        ]
    )
