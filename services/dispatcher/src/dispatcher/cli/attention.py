"""`dispatcher attention`: what somebody should look at, and what somebody decides about it."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from dispatcher.cli import display
from dispatcher.cli.answers import AttentionItem, Resolution
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command, confirm
from dispatcher.cli.parameters import After, By, Limit, Why, Yes, who

group = typer.Typer(name="attention", no_args_is_help=True, help="See what needs somebody, and decide.")


class Kind(StrEnum):
    """What asks for attention."""

    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    DEAD_LETTER = "dead_letter"
    AMBIGUOUS_CALLBACK = "ambiguous_callback"
    UNMATCHED_CALLBACK = "unmatched_callback"
    SESSION = "session"
    QUARANTINED = "quarantined"
    CAMPAIGN = "campaign"


class Action(StrEnum):
    """What can be done about it."""

    RETRY = "retry"
    CONFIRM_SENT = "confirm_sent"
    GIVE_UP = "give_up"
    DISMISS = "dismiss"


@command(group, "list")
def list_items(
    call: Invocation,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Only messages of this campaign.")] = None,
    session: Annotated[str | None, typer.Option(help="Only what goes through this session.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List what somebody should look at, newest first: what happened, the risk, and what can be done."""
    wanted = {"kind": kind, "campaign": campaign, "session_id": session, "limit": limit, "after": after}
    call.tell_page(path_of("attention"), AttentionItem, _list_of, **wanted)


@command(group)
def resolve(
    call: Invocation,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The item's id.")],
    action: Annotated[Action, typer.Argument(help="What to do about it; the list says what is possible.")],
    why: Why = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Decide about one item. Who decided, when and why is recorded; a repeat changes nothing."""
    if action is Action.RETRY and item.startswith("message-"):
        confirm(
            "If this message is unconfirmed it may have arrived, and would arrive twice. Send it again?",
            yes=yes,
        )
    body = {"by": who(by), **({"why": why} if why else {})}
    call.tell(call.api.post(path_of("attention", item, action), body), Resolution, _sheet_of)


def _list_of(items: list[AttentionItem]) -> RenderableType:
    return Group(*(_sheet_of_item(item) for item in items)) if items else "nothing needs anybody"


def _sheet_of_item(item: AttentionItem) -> RenderableType:
    return display.sheet(
        [
            (item.kind, item.id),
            ("  what", item.what),
            ("  risk", item.risk),
            ("  since", item.since),
            ("  campaign", item.broadcast_id),
            ("  recipient", item.recipient),
            ("  session", item.session_id),
            ("  possible", ", ".join(item.actions)),
        ]
    )


def _sheet_of(resolution: Resolution) -> RenderableType:
    return display.sheet(
        [
            ("item", resolution.id),
            ("done", resolution.action if resolution.changed else "it was so already"),
            ("status", resolution.status),
        ]
    )
