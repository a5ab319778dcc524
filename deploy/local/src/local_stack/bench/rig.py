"""The rig: what one figure is measured on. Servers and programs of its own, in a folder of its own."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from local_stack.children import Child
from local_stack.nats_server import NatsServer
from local_stack.postgres_server import PostgresServer
from local_stack.program import Program
from local_stack.supervisor import Part

KEPT = frozenset({"PATH", "HOME", "LANG", "TMPDIR"})
"""All that programs get of our environment: a user's settings would make figures that no two people share."""


class Rig:
    """Starts what a figure needs. `tell` is told each step; `next_port` gives free ports.

    Starting waits, and nothing else runs meanwhile: a child must be started from the main thread, which the
    event loop has.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        next_port: Callable[[], int],
        tell: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self._environment = {name: text for name, text in environment.items() if name in KEPT}
        self._parts: list[Part] = []
        self.next_port = next_port
        self.tell = tell

    def start_postgres(self) -> str:
        """Start an empty PostgreSQL; return the URL of its database."""
        server = PostgresServer(self.folder / "postgres", self.next_port(), self._log("postgres"))
        self._start(server)
        return server.url

    def start_nats(self) -> str:
        """Start an empty nats-server that flushes each message before it acknowledges it; return its URL."""
        return self.start_nats_server().url

    def start_nats_server(self) -> NatsServer:
        """Start the same, and return the server itself, to be killed and started again."""
        ports = self.next_port(), self.next_port()
        server = NatsServer(self.folder / "nats", *ports, self._log("nats"))
        self._start(server)
        return server

    def start_program(
        self,
        name: str,
        module: Sequence[str],
        settings: Mapping[str, str],
        ready_url: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Start one of our programs, `python -m <module>`, and wait until `ready_url` answers 200."""
        self._start(Program(self._child(name, module, settings), ready_url, headers))

    def run_program(
        self, name: str, module: Sequence[str], settings: Mapping[str, str], within_seconds: float
    ) -> None:
        """Run one of our programs to its end. Raises StartError unless it ends well and in time."""
        self._child(name, module, settings).run(within_seconds)

    def stop(self) -> None:
        """Stop all, the last one first."""
        for part in reversed(self._parts):
            part.child.stop()

    def _start(self, part: Part) -> None:
        self.tell(f"starting {part.child.name}")
        self._parts.append(part)
        part.start()

    def _child(self, name: str, module: Sequence[str], settings: Mapping[str, str]) -> Child:
        command = [sys.executable, "-m", *module]
        return Child(name, command, self._log(name), environment={**self._environment, **settings})

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


@contextmanager
def rigged(
    environment: Mapping[str, str], next_port: Callable[[], int], tell: Callable[[str], None]
) -> Iterator[Rig]:
    """Give a rig in a temporary folder; afterwards all of it is stopped and removed."""
    folder = Path(mkdtemp(prefix="local-stack-bench-"))
    rig = Rig(folder, environment, next_port, tell)
    try:
        yield rig
    finally:
        rig.stop()
        shutil.rmtree(folder)
