"""The program `dispatcher`. What only a server needs is loaded by the command that needs it, so that all others
start at once.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dispatcher.cli import program

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from dispatcher.settings import Settings

T = TypeVar("T")

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a server's log takes a plain trace, without the values of variables
    help="Sends WhatsApp campaigns through a VPS and keeps the status of every recipient true."
    " Settings come from the environment.",
)
program.add_to(cli)

SERVER = "Server"


def main() -> None:
    """Run the program."""
    cli(prog_name="dispatcher")


def _settings(*, serving: bool = False, local: bool = False) -> "Settings":
    """Return the settings; a bad one ends the program with exit code 2 and one line. `local`: where none names a
    database, those of a stack that runs here.
    """
    from dispatcher import logs
    from dispatcher.cli.place import surroundings
    from dispatcher.settings import BadSetting, read, require_serving

    try:
        settings = read(surroundings(os.environ) if local else os.environ)
        if serving:
            require_serving(settings)
    except BadSetting as problem:
        sys.stderr.write(f"dispatcher: {problem}\n")
        raise typer.Exit(2) from None
    logs.set_up(settings.log_level)
    return settings


@cli.callback(invoke_without_command=True)
def _program(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if show_version:
        from importlib.metadata import version

        typer.echo(f"dispatcher {version('dispatcher')}")
        raise typer.Exit


AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; all else goes to standard error.")
]


@cli.command(rich_help_panel=SERVER)
def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema up to date. Safe to run at any time, and by several at once."""
    import msgspec

    from dispatcher.store import migrate as migrations

    settings = _settings()
    before, after = _with_engine(settings, migrations.migrate, owning=True)
    role = _grant(settings)
    if as_json:
        typer.echo(msgspec.json.encode({"before": before, "after": after, "granted_to": role}).decode())
        return
    if role:
        typer.echo(f"{role} may read and write rows")
    typer.echo(
        f"schema {after}: nothing to do" if before == after else f"schema {before or 'empty'} -> {after}"
    )


@cli.command(rich_help_panel=SERVER)
def run() -> None:
    """Take commands and delivery reports, send, publish events, and serve the API, until SIGTERM."""
    import uvloop

    from dispatcher import app
    from dispatcher.store import schema

    settings = _settings(serving=True)
    if _with_engine(settings, schema.missing):
        sys.stderr.write("dispatcher: the database lacks migrations: run `dispatcher migrate` first\n")
        raise typer.Exit(1)
    uvloop.run(app.run(settings))


@cli.command(rich_help_panel=SERVER)
def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the live projections and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Throw the projections away and make them anew from the events, as the schema's owner; or compare them, with
    --verify.
    """
    from rich.console import Console

    from dispatcher import rebuilding

    settings = _settings(local=True)
    console = Console(stderr=as_json)
    act = rebuilding.verify if verify else rebuilding.rebuild
    report = _with_engine(settings, lambda engine: act(engine, console), owning=not verify)
    if as_json:
        typer.echo(rebuilding.render_json(report))
    else:
        rebuilding.show(report, console)
    raise typer.Exit(0 if report.clean else 1)


@cli.command(rich_help_panel=SERVER)
def verify(as_json: AsJson = False) -> None:
    """Check that all rows obey their rules and say what the events say. Reads alone, while everything runs; exit code 1
    if anything is wrong.
    """
    rebuild(verify=True, as_json=as_json)


@cli.command(rich_help_panel=SERVER)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check database, migrations, NATS, VPS, keys and clocks, and say what to do; exit code 1 if one is wrong."""
    import asyncio
    import time

    import msgspec

    from dispatcher.cli.display import console
    from dispatcher.cli.place import surroundings
    from dispatcher.doctor.examination import examine, show
    from dispatcher.doctor.finding import State

    found = asyncio.run(examine(surroundings(os.environ), lambda: time.time_ns() // 1_000_000))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        show(found, console())
    raise typer.Exit(1 if any(finding.state is State.WRONG for finding in found) else 0)


@cli.command(rich_help_panel=SERVER)
def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List all settings, with their defaults. Secrets may also come from a file: VPS_API_KEY_FILE and so on."""
    import msgspec

    from dispatcher.cli.display import print_out
    from dispatcher.cli.listing import table
    from dispatcher.settings import described

    if as_json:
        typer.echo(msgspec.json.encode(described()).decode())
        return
    rows = ((setting.variable, setting.default, setting.description) for setting in described())
    print_out(table(("VARIABLE", "DEFAULT", "MEANING"), rows))


def _grant(settings: "Settings") -> str | None:
    """Let the role that `run` connects as do what it needs, if another one migrates; return that role."""
    from sqlalchemy.engine import make_url

    from dispatcher.store.privileges import CannotGrant, grant, role_of

    role = role_of(settings.database_url, settings.migrate_database_url, settings.database_role)
    if not role:
        return None
    url = make_url(settings.database_url)
    password = url.password if url.username == role else None
    try:
        _with_engine(settings, lambda engine: grant(engine, role, password), owning=True)
    except CannotGrant as problem:
        sys.stderr.write(f"dispatcher: {problem}\n")
        raise typer.Exit(1) from None
    return role


def _with_engine(
    settings: "Settings", act: "Callable[[AsyncEngine], Awaitable[T]]", *, owning: bool = False
) -> T:
    """Act on the database; `owning`: as the owner of the schema."""
    import asyncio

    from dispatcher.store.postgres import connect

    async def acting() -> T:
        engine = connect((owning and settings.migrate_database_url) or settings.database_url)
        try:
            return await act(engine)
        finally:
            await engine.dispose()

    return asyncio.run(acting())


if __name__ == "__main__":
    main()
