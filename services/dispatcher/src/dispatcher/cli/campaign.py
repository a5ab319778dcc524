"""`dispatcher campaign`: create, look into and export campaigns."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import RenderableType

from dispatcher.cli import creation, display, export, listing, steering, watching
from dispatcher.cli.answers import Campaign, Created
from dispatcher.cli.client import path_of
from dispatcher.cli.exits import Exit, Failure, NoAnswer
from dispatcher.cli.invocation import Invocation, command
from dispatcher.cli.parameters import After, CampaignId, Limit, MediaType, Priority
from dispatcher.domain.status import Status

group = typer.Typer(name="campaign", no_args_is_help=True, help="Create, watch and steer campaigns.")
group.add_typer(steering.group)


@command(group)
def create(
    call: Invocation,
    session: Annotated[str, typer.Option(help="The WhatsApp session to send through.")],
    message: Annotated[
        str | None, typer.Option(help="The text; {{name}} and the like are filled per recipient.")
    ] = None,
    message_file: Annotated[Path | None, typer.Option(help="The text, from a file; - for the input.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="A phone number or a group's JID; repeatable.")] = None,
    recipients: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a column phone or group_jid; also lead_id, name, and any field of the text."
            " - for the input."
        ),
    ] = None,
    all_groups: Annotated[
        bool,
        typer.Option("--all-groups", help="All groups of the session's directory that take messages."),
    ] = False,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group", metavar="JID", help="A group of the directory, if it takes messages; repeatable."
        ),
    ] = None,
    media_url: Annotated[str | None, typer.Option(help="A file to send along.")] = None,
    media_type: Annotated[MediaType | None, typer.Option(help="What that file is.")] = None,
    priority: Annotated[Priority, typer.Option(help="On its session high goes first.")] = Priority.NORMAL,
    delay: Annotated[float, typer.Option(min=0, help="Least seconds between two of its messages.")] = 0.0,
    at: Annotated[
        str | None, typer.Option(help="When to start, with its zone, as 2026-03-01T09:00:00+02:00.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="A repeat with this key is the same campaign, for ever.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Then watch it until it is finished.")] = False,
) -> None:
    """Create a campaign. What was left out, and why, is told; the id is the last word."""
    given: dict[str, object] = {
        "session_id": session,
        "message": creation.text_of(message, message_file),
        "media_url": media_url,
        "media_type": media_type,
        "priority": priority,
        "delay_seconds": delay,
        "scheduled_at": at,
        "idempotency_key": idempotency_key,
        "groups": creation.groups_of(groups or [], everyone=all_groups),
    }
    body = {name: value for name, value in given.items() if value is not None}
    answer = _create(call, body, to or [], recipients)
    if not (watch and call.as_json):
        call.tell(answer, Created, _sheet_of_created)
    if watch:
        created = msgspec.json.decode(answer, type=Created)
        raise typer.Exit(watching.watch(call, created.broadcast_id, watching.INTERVAL_SECONDS))


@command(group, "list")
def list_campaigns(call: Invocation, limit: Limit = 50, after: After = None) -> None:
    """List campaigns, newest first."""
    call.tell_page(path_of("campaigns"), Campaign, _table_of, limit=limit, after=after)


@command(group)
def show(call: Invocation, campaign: CampaignId) -> None:
    """Show one campaign with its totals."""
    call.tell(call.api.get(path_of("campaigns", campaign)), Campaign, sheet_of)


@command(group)
def watch(
    call: Invocation,
    campaign: CampaignId,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks.")
    ] = watching.INTERVAL_SECONDS,
) -> None:
    """Show how a campaign goes on until it is finished; with --json, a line for every change.

    The exit code is 0 when it completed, and 1 when not all recipients got it.
    """
    raise typer.Exit(watching.watch(call, campaign, interval))


@command(group, "export")
def export_recipients(
    call: Invocation,
    campaign: CampaignId,
    status: Annotated[Status | None, typer.Option(help="Only recipients that stand here.")] = None,
    form: Annotated[export.Format, typer.Option("--format", help="What to write.")] = export.Format.CSV,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Write all recipients of a campaign and what became of them: CSV, or JSON lines (also with --json)."""
    form = export.Format.JSONL if call.as_json else form
    if output is None:
        export.write(call.api, campaign, status, form, sys.stdout)
        return
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            written = export.write(call.api, campaign, status, form, file)
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}", Exit.USAGE) from None
    call.note(f"{written} recipients written to {output}")


def sheet_of(campaign: Campaign) -> RenderableType:
    """Return all that is known of a campaign."""
    return display.sheet(
        [
            ("campaign", campaign.broadcast_id),
            ("status", campaign.status),
            ("session", campaign.session_id),
            ("priority", campaign.priority),
            ("recipients", campaign.total_recipients),
            *((f"  {status}", count) for status, count in campaign.counts.items() if count),
            ("created", campaign.created_at),
            ("scheduled", campaign.scheduled_at),
            ("started", campaign.started_at),
            ("finished", campaign.finished_at),
        ]
    )


def _table_of(campaigns: list[Campaign]) -> RenderableType:
    return listing.table(
        ("CAMPAIGN", "STATUS", "SESSION", "SENT", "FAILED", "OPEN", "CREATED"),
        (
            (
                campaign.broadcast_id,
                campaign.status,
                campaign.session_id,
                f"{campaign.sent_count}/{campaign.total_recipients}",
                campaign.failed_count,
                campaign.open,
                campaign.created_at,
            )
            for campaign in campaigns
        ),
        spare=2,
    )


def _create(call: Invocation, body: creation.Campaign, to: list[str], recipients: Path | None) -> bytes:
    try:
        return creation.create(call.api, body, to, recipients)
    except NoAnswer as failure:
        raise NoAnswer(
            f"{failure}. The campaign may have been taken all the same: repeat the command within some minutes, which"
            " never sends twice, or look at `dispatcher campaign list`."
        ) from None


def _sheet_of_created(created: Created) -> RenderableType:
    return display.sheet(
        [
            ("recipients", created.total_recipients),
            ("queued", created.queued_count),
            ("left out", created.invalid_recipients_count or None),
            *((f"  {one.place}", one.words) for one in created.invalid_recipients),
            *(
                (f"  groups: {name.replace('_', ' ')}", count)
                for name, count in (created.groups or {}).items()
                if count
            ),
            ("repeat", "it was there already" if created.idempotent else None),
            ("status", created.status),
            ("campaign", created.broadcast_id),
        ]
    )
