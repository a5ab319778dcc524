"""The program `local-stack`: run the whole system here, show it, measure it."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from local_stack.bench.figure import Name
from local_stack.children import StartError
from local_stack.claim import ClaimedError, claim
from local_stack.demo.run import run_demo
from local_stack.programs import ProgramMissingError
from local_stack.settings import Settings, SettingsError, read_settings
from local_stack.stack import StackBrokenError
from local_stack.up import run_up

PLAIN_WIDTH = 110

app = typer.Typer(
    help="The whole system on one machine, from Python packages alone.",
    no_args_is_help=True,
    add_completion=False,
)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of all that is kept [LOCAL_DIR, default .local]")
]


@app.command()
def up(data_dir: DataDir = None) -> None:
    """Run the stack in the foreground until Ctrl-C. Where it is stands in stack.json."""
    run_up(settings_of(data_dir), os.environ, say)


@app.command()
def demo() -> None:
    """Send a campaign of 200 messages through a misbehaving VPS, and check what became of each."""
    raise typer.Exit(run_demo(os.environ, console()))


@app.command()
def bench(
    only: Annotated[Name | None, typer.Option(help="Measure this alone [all]")] = None,
    scale: Annotated[
        float, typer.Option(min=0.001, max=100, help="How much is measured: 1 takes some four minutes")
    ] = 1.0,
) -> None:
    """Measure throughput beside its bounds: a JSON line for each figure. Exit code 1 when one failed."""
    # Loads the services' own code, which takes longer than all else here; no other command needs it.
    from local_stack.bench.run import run_bench  # noqa: PLC0415

    raise typer.Exit(run_bench(os.environ, [only] if only else [], scale, say, tell))


@app.command()
def fault(
    seed: Annotated[int, typer.Option(help="Draws the faults; the same seed draws the same again")] = 1,
    faults: Annotated[int, typer.Option(min=1, max=10_000, help="How many faults are injected")] = 100,
    recipients: Annotated[int, typer.Option(min=1, help="How many messages are sent meanwhile")] = 5000,
    sessions: Annotated[
        int, typer.Option(min=1, help="Over how many sessions; every second VPS is bare")
    ] = 50,
) -> None:
    """Break everything around a running campaign, and prove that nothing is lost and nothing is sent twice.

    The processes are killed and stopped, connections cut and held up, disks filled, the power cut, clocks turned,
    callbacks disturbed. At the end all that was answered, sent, recorded and published is compared id by id. Prints
    progress, a table of the faults with the longest recovery of each kind, the counts, and a last line `FAULT {json}`.
    Exit code 1 on any loss or double send that README does not except. See deploy/local/FAULTS.md.
    """
    from local_stack.fault.assault import Wish  # noqa: PLC0415
    from local_stack.fault.run import run_fault  # noqa: PLC0415
    from local_stack.fault.setting import Size  # noqa: PLC0415

    wish = Wish(seed, faults, Size(recipients, min(sessions, recipients)))
    raise typer.Exit(run_fault(os.environ, wish, console()))


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long the callbacks come")] = 20.0,
    rate: Annotated[float, typer.Option(min=1, help="Callbacks per second")] = 200.0,
    tolerance: Annotated[
        float, typer.Option(min=0, help="By how many percent memory may grow after the warm-up")
    ] = 5.0,
) -> None:
    """Post callbacks at a steady rate, and prove that nothing grows: memory, descriptors, queues.

    The first 55 % of the time are a warm-up: after ten minutes the rows are compared with the events. Prints a line
    now and then, a table, and a last line `SOAK {json}`. Exit code 1 when anything grew, waits at the end, or was not
    answered 202.
    """
    from local_stack.soak.run import Wish, run_soak  # noqa: PLC0415

    raise typer.Exit(run_soak(os.environ, Wish(minutes, rate, tolerance), console()))


@app.command()
def clean(data_dir: DataDir = None) -> None:
    """Remove the data of `up`."""
    folder = settings_of(data_dir).data_dir
    if folder.exists():
        with claim(folder):
            shutil.rmtree(folder)
        say(f"removed {folder}")


def settings_of(data_dir: Path | None) -> Settings:
    """Return the settings of the environment, with the folder of the command line over it."""
    settings = read_settings(os.environ)
    return settings if data_dir is None else msgspec.structs.replace(settings, local_dir=str(data_dir))


def say(line: str) -> None:
    """Tell the user something, at once."""
    typer.echo(line)


def tell(line: str) -> None:
    """Tell the user how far it is, beside the output."""
    typer.echo(line, err=True)


def console() -> Console:
    """Return where the demo prints; a file or a pipe has room for its table."""
    found = Console()
    return found if found.is_terminal else Console(width=PLAIN_WIDTH)


def main() -> None:
    """Run the program; what went wrong is one message, not a trace."""
    try:
        app()
    except (StartError, StackBrokenError, ClaimedError, ProgramMissingError, SettingsError) as failure:
        typer.echo(f"local-stack: {failure}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
