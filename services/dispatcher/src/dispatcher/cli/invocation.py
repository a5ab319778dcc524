"""What every command has in common: where the API is, how to answer, and how a failure ends the program."""

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import msgspec
import typer
from rich.console import RenderableType

from dispatcher.cli import display, place
from dispatcher.cli.answers import Page
from dispatcher.cli.client import Client
from dispatcher.cli.exits import Exit, Failure

P = ParamSpec("P")
T = TypeVar("T")

PANEL = "Common options"


class Invocation(msgspec.Struct, frozen=True):
    """One use of a command: the API that it talks to, and whether it answers in JSON."""

    api: Client
    as_json: bool

    def tell(self, answer: bytes, kind: type[T], show: Callable[[T], RenderableType]) -> None:
        """Print an answer: as it came with --json, else as `show` renders it."""
        if self.as_json:
            display.print_json(answer)
        else:
            display.print_out(show(msgspec.json.decode(answer, type=kind)))

    def tell_page(
        self, path: str, kind: type[T], show: Callable[[list[T]], RenderableType], /, **query: object
    ) -> None:
        """Print a page of a list, and how to get the next one."""
        self.show_page(self.api.get(path, **query), kind, show)

    def show_page(self, answer: bytes, kind: type[T], show: Callable[[list[T]], RenderableType]) -> None:
        """Print a page that has come, and how to get the next one."""
        self.tell(answer, Page[kind], lambda page: show(page.items))  # type: ignore[valid-type]  # it is a value here
        following = msgspec.json.decode(answer, type=Page[msgspec.Raw]).next
        if following is not None:
            self.note(f"there are more: --after {following}")

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """Show on a terminal that something takes its time."""
        return nullcontext() if self.as_json else display.waiting(what)

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        if not self.as_json:
            display.print_aside(text)


def command(
    group: typer.Typer, name: str | None = None
) -> Callable[[Callable[Concatenate[Invocation, P], None]], Callable[Concatenate[Invocation, P], None]]:
    """Register a function as a command: its `Invocation` comes from options that every command has."""

    def register(
        act: Callable[Concatenate[Invocation, P], None],
    ) -> Callable[Concatenate[Invocation, P], None]:
        perform: Callable[..., None] = act

        @wraps(act)
        def run(**given: Any) -> None:
            url, key, as_json = given.pop("api_url"), given.pop("api_key"), given.pop("as_json")
            try:
                perform(Invocation(Client(place.find(url, key, os.environ)), as_json), **given)
            except Failure as failure:
                end(failure, as_json=as_json)

        own = inspect.signature(act)
        run.__signature__ = own.replace(  # type: ignore[attr-defined]  # functions have it, mypy does not know
            parameters=[*list(own.parameters.values())[1:], *_COMMON]
        )
        group.command(name)(run)
        return act

    return register


def end(failure: Failure, *, as_json: bool) -> None:
    """End the program as a failure says. With --json the API's own problem document goes to the error output."""
    if as_json and failure.problem:
        sys.stderr.write(failure.problem.decode(errors="replace") + "\n")
    else:
        display.print_failure(str(failure))
    raise typer.Exit(failure.code)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; where nobody can answer, --yes must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{question} Give --yes to do it without being asked.", Exit.USAGE)
    typer.confirm(question, abort=True, err=True)


def _option(name: str, kind: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


_COMMON = (
    _option(
        "api_url",
        Annotated[
            str | None, typer.Option(envvar="API_URL", help="Where the API is.", rich_help_panel=PANEL)
        ],
        None,
    ),
    _option(
        "api_key",
        Annotated[
            str | None,
            typer.Option(
                envvar="API_KEY",
                help="Its key. On the command line others can see it.",
                rich_help_panel=PANEL,
            ),
        ],
        None,
    ),
    _option(
        "as_json",
        Annotated[
            bool, typer.Option("--json", help="Print the API's answer as it is.", rich_help_panel=PANEL)
        ],
        False,
    ),
)
