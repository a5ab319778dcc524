"""`dispatcher key`: the keys of the API."""

from typing import Annotated

import typer
from rich.console import RenderableType

from dispatcher.cli import display, listing
from dispatcher.cli.answers import ApiKey, MadeApiKey
from dispatcher.cli.client import path_of
from dispatcher.cli.invocation import Invocation, command, confirm
from dispatcher.cli.parameters import After, By, Limit, Yes, who

group = typer.Typer(name="key", no_args_is_help=True, help="Make and retire the keys of the API.")


@command(group, "list")
def list_keys(
    call: Invocation,
    retired: Annotated[bool, typer.Option("--retired", help="Those that open nothing any more.")] = False,
    limit: Limit = 100,
    after: After = None,
) -> None:
    """List the keys of your tenant, and how they are used."""
    call.tell_page(path_of("keys"), ApiKey, _table_of, retired=retired, limit=limit, after=after)


@command(group)
def add(
    call: Invocation,
    label: Annotated[str, typer.Argument(help="What the key is for.")],
    by: By = None,
) -> None:
    """Make a key. It is shown this once, and nobody can show it again."""
    call.tell(call.api.post(path_of("keys"), {"label": label, "by": who(by)}), MadeApiKey, _sheet_of_made)
    call.note("keep the key now: it is not shown again")


@command(group)
def retire(
    call: Invocation,
    key: Annotated[str, typer.Argument(metavar="KEY_ID", help="The id of the key, as `list` shows it.")],
    force: Annotated[bool, typer.Option("--force", help="Even if it is the key of this call.")] = False,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Let a key open nothing any more. Never the last one."""
    confirm(f"Retire {key}? Whoever uses it is locked out.", yes=yes)
    body = {"by": who(by), "force": force}
    call.tell(call.api.post(path_of("keys", key, "retire"), body), ApiKey, _sheet_of)


def _table_of(keys: list[ApiKey]) -> RenderableType:
    return listing.table(
        ("KEY", "LABEL", "CREATED", "LAST USED", "USES", "REMARK"),
        ((one.key_id, one.label, one.created_at, one.last_used_at, one.uses, remark(one)) for one in keys),
    )


def remark(one: ApiKey) -> str | None:
    """Return what is special about a key."""
    remarks = {
        "in use here": one.current,
        "stands in API_KEYS": one.source == "setting",
        f"retired by {one.retired_by}": not one.live,
    }
    return ", ".join(text for text, holds in remarks.items() if holds) or None


def _facts_of(one: ApiKey) -> list[tuple[str, display.Cell]]:
    return [
        ("key id", one.key_id),
        ("label", one.label),
        ("created", one.created_at),
        ("created by", one.created_by),
        ("retired", one.retired_at),
        ("retired by", one.retired_by),
        ("last used", one.last_used_at),
        ("uses", one.uses),
    ]


def _sheet_of(one: ApiKey) -> RenderableType:
    return display.sheet(_facts_of(one))


def _sheet_of_made(one: MadeApiKey) -> RenderableType:
    return display.sheet([*_facts_of(one), ("key", one.key)])
