"""The program `vps-simulator`: reads its options, listens, says READY, and runs until it is stopped."""

import sys

import msgspec
import typer
import uvloop

from local_stack.simulator.app import Running, serve
from local_stack.simulator.options import command
from local_stack.simulator.settings import Settings


def announce(simulator: Running) -> None:
    """Tell the parent process, in one line, where the simulator listens."""
    ready = {"url": simulator.url, "seed": simulator.machine.settings.seed}
    sys.stdout.write(f"READY {msgspec.json.encode(ready).decode()}\n")
    sys.stdout.flush()


def run(settings: Settings) -> None:
    """Run one simulator. Exits with 1 and one line when it cannot listen."""
    try:
        uvloop.run(serve(settings, announce))
    except OSError as error:
        sys.stderr.write(
            f"vps-simulator: cannot listen on {settings.host}:{settings.port}: {error.strerror}\n"
        )
        raise SystemExit(1) from None


def main() -> None:
    """Run the program."""
    typer.run(command(run))


if __name__ == "__main__":
    main()
