"""`dispatcher dead`: messages that failed for good."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType

from dispatcher.cli import display, listing
from dispatcher.cli.answers import DeadLetter, DeadLetterDetails, Redriven
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command
from dispatcher.cli.parameters import After, By, Limit, Why, Yes
from dispatcher.cli.redriving import chosen, redriven

group = typer.Typer(name="dead", no_args_is_help=True, help="Messages that failed for good.")

Campaign = Annotated[str | None, typer.Option(help="Only those of this campaign.")]
Session = Annotated[str | None, typer.Option(help="Only those sent through this session.")]
ErrorCode = Annotated[int | None, typer.Option(help="Only those refused by this code, as 420.")]
Since = Annotated[
    str | None, typer.Option(help="Only those that failed then or later, as 2026-03-01T09:00:00Z.")
]


@command(group, "list")
def list_letters(
    call: Invocation,
    campaign: Campaign = None,
    session: Session = None,
    error_code: ErrorCode = None,
    since: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List them, newest first."""
    wanted = {"campaign": campaign, "session_id": session, "error_code": error_code, "since": since}
    call.tell_page(path_of("dead"), DeadLetter, _table_of, **wanted, limit=limit, after=after)


@command(group)
def show(
    call: Invocation, letter: Annotated[str, typer.Argument(metavar="ID", help="As it is listed.")]
) -> None:
    """Show one: the message, its attempts, and the VPS's words."""
    call.tell(call.api.get(path_of("dead", letter)), DeadLetterDetails, _sheet_of)


@command(group)
def redrive(
    call: Invocation,
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These, as they are listed.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All, where no option says which.")] = False,
    campaign: Campaign = None,
    session: Session = None,
    error_code: ErrorCode = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many it would be.")] = False,
    why: Why = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Send them again: those that are named, or those that the options select. A repeat sends nothing twice."""
    wanted = {"campaign": campaign, "session_id": session, "error_code": error_code, "since": since}
    choice = chosen(letters, wanted, everything=everything)
    answer = redriven(call, "dead", choice, "Send", dry_run=dry_run, why=why, by=by, yes=yes)
    call.tell(answer, Redriven, _outcome_of)


def _table_of(letters: list[DeadLetter]) -> RenderableType:
    return listing.table(
        ("ID", "FAILED", "CAMPAIGN", "RECIPIENT", "SESSION", "ATTEMPTS", "ERROR", "THE VPS SAID"),
        (
            (
                one.id,
                one.failed_at,
                one.broadcast_id,
                one.recipient,
                one.session_id,
                one.attempts,
                one.error_message,
                one.vps_error,
            )
            for one in letters
        ),
    )


def _sheet_of(one: DeadLetterDetails) -> RenderableType:
    facts = display.sheet(
        [
            ("id", one.id),
            ("status", one.status),
            ("remark", None if one.dead else "it is no dead letter any more"),
            ("campaign", one.broadcast_id),
            ("recipient", one.recipient),
            ("lead", one.lead_id),
            ("session", one.session_id),
            ("message", one.message),
            ("media", one.media_url),
        ]
    )
    attempts = (
        (
            tried.number,
            tried.started_at,
            tried.failed_at,
            tried.message_id,
            tried.error_message,
            tried.vps_error,
        )
        for tried in one.attempts
    )
    columns = ("ATTEMPT", "STARTED", "FAILED", "MESSAGE ID", "ERROR", "THE VPS SAID")
    return Group(facts, "", listing.table(columns, attempts))


def _outcome_of(done: Redriven) -> RenderableType:
    return display.sheet(
        [
            ("would be sent again" if done.dry_run else "sent again", done.redriven),
            ("already", done.already or None),
            *((f"not {one.id}", f"{one.detail} ({one.code})") for one in done.refused),
        ]
    )
