"""`dispatcher campaign pause|resume|cancel|retry|verify|confirm`: what an operator decides about a campaign."""

from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.console import RenderableType

from dispatcher.cli import display
from dispatcher.cli.answers import Campaign
from dispatcher.cli.client import path_of
from dispatcher.cli.exits import Exit, Failure
from dispatcher.cli.invocation import Invocation, command, confirm
from dispatcher.cli.parameters import By, CampaignId, Why, Yes, who

group = typer.Typer()

Only = Annotated[
    list[str] | None,
    typer.Option("--recipient", help="Only this one, by phone or JID; repeatable."),
]


class Outcome(StrEnum):
    """What became of a message, as an operator knows it."""

    SENT = "sent"
    FAILED = "failed"


@command(group)
def pause(call: Invocation, campaign: CampaignId, why: Why = None, by: By = None) -> None:
    """Let nothing more leave for now; only what is in flight still does."""
    _tell(call, campaign, "pause", why, by)


@command(group)
def resume(call: Invocation, campaign: CampaignId, why: Why = None, by: By = None) -> None:
    """Go on where it was; nobody gets it twice."""
    _tell(call, campaign, "resume", why, by)


@command(group)
def cancel(call: Invocation, campaign: CampaignId, why: Why = None, by: By = None, yes: Yes = False) -> None:
    """Let nothing more leave, ever."""
    if not yes:
        answer = call.api.get(path_of("campaigns", campaign))
        waiting = msgspec.json.decode(answer, type=Campaign).queued_count
        confirm(f"Cancel {waiting} messages that have not left yet?", yes=not waiting)
    _tell(call, campaign, "cancel", why, by)


@command(group)
def retry(
    call: Invocation,
    campaign: CampaignId,
    recipient: Only = None,
    include_unconfirmed: Annotated[
        bool,
        typer.Option("--include-unconfirmed", help="Also what may have left already: it can arrive twice."),
    ] = False,
    why: Why = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Send again what failed."""
    if include_unconfirmed:
        confirm(
            "Unconfirmed messages may have arrived, and would then arrive twice. Send them again?", yes=yes
        )
    body = {"include_unconfirmed": include_unconfirmed, "recipients": recipient or []}
    _tell(call, campaign, "retry", why, by, body)


@command(group)
def verify(call: Invocation, campaign: CampaignId, why: Why = None, by: By = None) -> None:
    """Ask the VPS about all that is unconfirmed or failed."""
    _tell(call, campaign, "verify", why, by)


@command(group, "confirm")
def confirm_outcome(
    call: Invocation,
    campaign: CampaignId,
    outcome: Annotated[Outcome, typer.Option(help="What really became of it.")],
    recipient: Only = None,
    everyone: Annotated[bool, typer.Option("--all", help="All that are unconfirmed or failed.")] = False,
    why: Why = None,
    by: By = None,
) -> None:
    """Settle by hand what is unconfirmed or failed: some recipients, or all."""
    if everyone == bool(recipient):
        raise Failure("say whom: --recipient, or --all", Exit.USAGE)
    _tell(call, campaign, "confirm", why, by, {"outcome": outcome, "recipients": recipient or []})


def _tell(
    call: Invocation,
    campaign: str,
    verb: str,
    why: str | None,
    by: str | None,
    body: dict[str, object] | None = None,
) -> None:
    decided = {"by": who(by), **({"why": why} if why else {}), **(body or {})}
    call.tell(call.api.post(path_of("campaigns", campaign, verb), decided), Campaign, _line_of)


def _line_of(campaign: Campaign) -> RenderableType:
    counts = (f"{status} {count}" for status, count in campaign.counts.items() if count)
    return display.sheet([(campaign.broadcast_id, campaign.status), ("", ", ".join(counts))])
