"""How things are shown: tables for people, plain lines in a pipe, colours only on a terminal.

What comes from outside is shown without its control characters, so that it cannot steer the terminal.
"""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 2000
"""Wide enough that no line is broken or cut where no terminal sets a width."""

COLOURS = {
    "completed": "green",
    "sent": "green",
    "delivered": "green",
    "read": "green",
    "connected": "green",
    "ok": "green",
    "running": "cyan",
    "processing": "cyan",
    "paused": "yellow",
    "partial": "yellow",
    "unconfirmed": "yellow",
    "parked": "yellow",
    "warning": "yellow",
    "failed": "red",
    "stopped": "red",
    "wrong": "red",
    "cancelled": "dim",
    "skipped": "dim",
}
"""The colour of a status."""

Cell = str | int | float | bool | datetime | None


def console(*, aside: bool = False) -> Console:
    """Return where to print: the output, or beside it. Coloured only on a terminal, and not with NO_COLOR."""
    found = Console(stderr=aside, highlight=False)
    return found if found.is_terminal else Console(stderr=aside, highlight=False, width=PIPE_WIDTH)


def print_out(what: RenderableType) -> None:
    """Print an answer."""
    console().print(what)


def print_aside(text: str) -> None:
    """Print a remark, beside the answer."""
    console(aside=True).print(Text(text), style="dim", soft_wrap=True)


def waiting(what: str) -> AbstractContextManager[object]:
    """Show beside the answer what is waited for, while the context lasts; nothing where no terminal is."""
    beside = console(aside=True)
    return beside.status(Text(what)) if beside.is_terminal else nullcontext()


def print_failure(text: str) -> None:
    """Print why a command failed."""
    console(aside=True).print(Text.assemble(("dispatcher: ", "bold red"), clean(text)), soft_wrap=True)


def print_json(answer: bytes) -> None:
    """Print JSON as it came."""
    typer.echo(answer.decode())


def sheet(facts: Iterable[tuple[str, Cell]]) -> Table:
    """Return what is known of one thing, a line each; what is not known is left out."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts:
        if value is not None:
            made.add_row(name, cell(value))
    return made


def local(at: datetime) -> datetime:
    """Return a time by the clock of this machine; as it is where that would be before the year 1 or after 9999."""
    try:
        return at.astimezone()
    except OverflowError:
        return at


def cell(value: Cell) -> Text:
    """Return a value as text; a status has its colour, a time is local."""
    match value:
        case None:
            return Text("-", style="dim")
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(f"{local(value):%Y-%m-%d %H:%M:%S}", no_wrap=True)
        case str():
            return Text(clean(value), style=COLOURS.get(value, ""))
        case _:
            return Text(str(value))


def clean(text: str) -> str:
    """Return a text without control characters."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def is_terminal() -> bool:
    """Tell whether somebody watches."""
    return sys.stdout.isatty()
