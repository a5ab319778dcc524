"""`dispatcher recipient`: one message of a campaign."""

import typer
from rich.console import Group, RenderableType

from dispatcher.cli import display, listing
from dispatcher.cli.answers import Page, Recipient, Step, Why
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command
from dispatcher.cli.parameters import CampaignId, RecipientId

group = typer.Typer(name="recipient", no_args_is_help=True, help="Look into one message of a campaign.")


@command(group)
def show(call: Invocation, campaign: CampaignId, recipient: RecipientId) -> None:
    """Show how one recipient stands."""
    call.tell(call.api.get(path_of("campaigns", campaign, "recipients", recipient)), Recipient, _sheet_of)


@command(group)
def history(call: Invocation, campaign: CampaignId, recipient: RecipientId) -> None:
    """Show every state that the message was in, and when."""
    path = path_of("campaigns", campaign, "recipients", recipient, "history")
    call.tell(call.api.get(path), Page[Step], _table_of)


@command(group)
def why(call: Invocation, campaign: CampaignId, recipient: RecipientId) -> None:
    """Say in plain words why the message is where it is, and what it waits for."""
    call.tell(call.api.get(path_of("campaigns", campaign, "recipients", recipient, "why")), Why, _story_of)


def _story_of(told: Why) -> RenderableType:
    attempts = (f"{step.attempt}" if step.attempt else "" for step in told.steps)
    steps = zip((step.at for step in told.steps), attempts, (step.what for step in told.steps), strict=True)
    facts = display.sheet(
        [
            ("recipient", told.recipient),
            ("status", told.status),
            ("why", told.standing),
            ("waits for", told.waits_for),
            ("until", told.until),
            *(("held up by", reason) for reason in told.held_up_by),
            *(("unplaced callback", callback.what) for callback in told.unplaced_callbacks),
        ]
    )
    return Group(facts, "", listing.table(("WHEN", "ATTEMPT", "WHAT"), steps))


def _sheet_of(one: Recipient) -> RenderableType:
    failed = one.status == "failed"
    return display.sheet(
        [
            ("recipient", one.recipient),
            ("lead", one.lead_id),
            ("status", one.status),
            ("attempt", one.attempt),
            ("message id", one.message_id),
            ("error" if failed else "last error", one.error_message),
            ("the VPS said", one.vps_error),
            ("queued", one.queued_at),
            ("next attempt", one.due_at),
            ("sent", one.sent_at),
            ("delivered", one.delivered_at),
            ("read", one.read_at),
            ("failed", one.failed_at),
            ("delivered to", one.delivered_count or None),
            ("read by", one.read_count or None),
            ("reactions", one.reaction_count or None),
        ]
    )


def _table_of(page: Page[Step]) -> RenderableType:
    rows = ((step.at, step.event, step.status) for step in page.items)
    return listing.table(("WHEN", "WHAT", "STATUS AFTER"), rows)
