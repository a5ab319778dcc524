"""What `dead redrive` and `quarantine redrive` have in common: say which, see how many, then do it."""

from collections.abc import Mapping, Sequence

import msgspec

from dispatcher.cli.client import path_of
from dispatcher.cli.exits import Exit, Failure
from dispatcher.cli.invocation import Invocation, confirm
from dispatcher.cli.parameters import who

Choice = dict[str, object]
"""Which ones, as the API takes it: `ids`, or a `filter`."""


class _Counted(msgspec.Struct, frozen=True):
    redriven: int


def chosen(ids: Sequence[str] | None, wanted: Mapping[str, object], *, everything: bool) -> Choice:
    """Return which are sent again: those that are named, those that options select, or all. Raises Failure unless it is
    one of the three.
    """
    selected = {name: value for name, value in wanted.items() if value is not None}
    if bool(ids) + bool(selected) + everything != 1:
        raise Failure("say which: ids, options that select some, or --all", Exit.USAGE)
    return {"ids": ids} if ids else {"filter": selected}


def redriven(
    call: Invocation,
    store: str,
    choice: Choice,
    verb: str,
    *,
    dry_run: bool,
    why: str | None,
    by: str | None,
    yes: bool,
) -> bytes:
    """Send them again, and return the API's answer. Where nobody named them it is told how many they are, and asked."""
    body = {**choice, "by": who(by), **({"why": why} if why else {})}
    path = path_of(store, "redrive")
    if "filter" in choice and not dry_run:
        counted = msgspec.json.decode(call.api.post(path, {**body, "dry_run": True}), type=_Counted)
        confirm(f"{verb} {counted.redriven} messages again?", yes=yes)
    return call.api.post(path, {**body, "dry_run": dry_run})
