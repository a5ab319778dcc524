"""The whole system as child processes, in the order in which they need each other.

PostgreSQL and NATS, migrations, then the simulator, the gateway and the dispatcher. What the environment
gives (NATS_URL, DATABASE_URL, VPS_URL) is used and not started.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from local_stack.children import Child, StartError
from local_stack.environments import dispatcher_environment, gateway_environment, simulator_environment
from local_stack.keys import effective_keys, keep_keys
from local_stack.nats_server import NatsServer
from local_stack.places import choose_places, http_url
from local_stack.ports import LOOPBACK
from local_stack.postgres_server import PostgresServer
from local_stack.program import START_SECONDS, Program
from local_stack.settings import Settings
from local_stack.stack_file import StackFile, remove_stack_file, write_stack_file
from local_stack.supervisor import Part, describe_end

MIGRATE_SECONDS = 120.0
VERIFY_SECONDS = 120.0


class StackBrokenError(RuntimeError):
    """A part of the stack ended by itself."""


class Stack:
    """One running system. `report` is told each step; `next_port` gives ports that are free."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        next_port: Callable[[], int],
        report: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.logs = settings.data_dir / "logs"
        self._environment = environment
        self._places = choose_places(settings, next_port)
        self._keys = effective_keys(keep_keys(settings.data_dir / "keys.json", new_key), settings)
        self._report = report
        self._postgres: PostgresServer | None = None
        self._nats: NatsServer | None = None
        self.parts: list[Part] = []

    def start(self) -> StackFile:
        """Start all parts and write `stack.json`. Raises StartError; what was started is for `stop`."""
        remove_stack_file(self.settings.data_dir)
        for server in self._servers():
            self._report(f"starting {server.child.name}")
            self.parts.append(server)
            server.start()
        self._migrate()
        self._start_together(self._programs(self.describe()))
        return self.announce()

    def announce(self) -> StackFile:
        """Write `stack.json` as things are now."""
        content = self.describe()
        write_stack_file(self.settings.data_dir, content)
        return content

    def describe(self) -> StackFile:
        """Return where everything is. The database's URL is known once PostgreSQL was started."""
        places, settings = self._places, self.settings
        return StackFile(
            gateway_url=http_url(settings.gateway_host, places.gateway_port),
            api_url=http_url(settings.api_host, places.api_port),
            vps_url=settings.vps_url or http_url(LOOPBACK, places.vps_port),
            nats_url=settings.nats_url or (self._nats.url if self._nats else ""),
            database_url=settings.database_url or (self._postgres.url if self._postgres else ""),
            webhook_api_key=self._keys.webhook_api_key,
            api_key=self._keys.api_key,
            vps_api_key=self._keys.vps_api_key,
            pids={part.child.name: part.child.pid for part in self.parts if part.child.pid is not None},
            nats_monitor_url=self._nats.monitor_url if self._nats else None,
        )

    def verify_projections(self) -> tuple[bool, str]:
        """Fold all events again: whether the live rows are equal, and what the dispatcher said of it."""
        verify = self._dispatcher(["rebuild", "--verify"], self.describe())
        try:
            verify.run(VERIFY_SECONDS)
        except StartError as failure:
            return False, str(failure)
        return True, verify.last_lines()

    def stop(self) -> None:
        """Stop all parts, the last one first."""
        remove_stack_file(self.settings.data_dir)
        for part in reversed(self.parts):
            part.child.stop()

    def require_all(self) -> None:
        """Raise StackBrokenError when a part has ended."""
        for part in self.parts:
            if not part.child.is_running:
                ending = describe_end(part.child.exit_code)
                raise StackBrokenError(f"{part.child.name} {ending}:\n{part.child.last_lines()}")

    def _start_together(self, programs: list[Program]) -> None:
        """Start programs that are ready only when the others are there."""
        self._report(f"starting {', '.join(program.child.name for program in programs)}")
        for program in programs:
            self.parts.append(program)
            program.launch()
        for program in programs:
            program.child.wait_until(program.is_ready, START_SECONDS)

    def _servers(self) -> list[Part]:
        """Return the servers that are not given."""
        folder, places = self.settings.data_dir, self._places
        servers: list[Part] = []
        if not self.settings.database_url:
            self._postgres = PostgresServer(folder / "postgres", places.postgres_port, self._log("postgres"))
            servers.append(self._postgres)
        if not self.settings.nats_url:
            ports = places.nats_port, places.nats_monitor_port
            self._nats = NatsServer(folder / "nats", *ports, self._log("nats"))
            servers.append(self._nats)
        return servers

    def _migrate(self) -> None:
        self._report("applying migrations")
        self._dispatcher(["migrate"], self.describe()).run(MIGRATE_SECONDS)

    def _programs(self, known: StackFile) -> list[Program]:
        """Return our own programs; they are stopped in reverse, so that the dispatcher goes first."""
        nats_url = self._nats.gateway_url if self._nats else None
        port = self._places.gateway_port
        gateway = gateway_environment(self._environment, self.settings, known, port, nats_url)
        programs = [
            Program(
                self._python("gateway", ["webhook_gateway"], gateway), f"{known.gateway_url}/health/ready"
            ),
            Program(self._dispatcher(["run"], known), f"{known.api_url}/health/ready"),
        ]
        if not self.settings.vps_url:
            programs.insert(0, self._simulator(known))
        return programs

    def _simulator(self, known: StackFile) -> Program:
        environment = simulator_environment(self._environment, known, self._places.vps_port)
        child = self._python("simulator", ["local_stack.simulator"], environment)
        return Program(child, f"{known.vps_url}/health", {"X-API-Key": known.vps_api_key})

    def _dispatcher(self, command: list[str], known: StackFile) -> Child:
        running_url = self._postgres.running_url if self._postgres else None
        environment = dispatcher_environment(
            self._environment, self.settings, known, self._places.api_port, running_url
        )
        if command == ["run"]:  # it needs no more than its own role
            environment.pop("MIGRATE_DATABASE_URL", None)
        name = "dispatcher" if command == ["run"] else command[0]
        return self._python(name, ["dispatcher", *command], environment)

    def _python(self, name: str, module: list[str], environment: Mapping[str, str]) -> Child:
        return Child(name, [sys.executable, "-m", *module], self._log(name), environment=environment)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def new_key() -> str:
    """Return a new secret."""
    return secrets.token_urlsafe(32)
