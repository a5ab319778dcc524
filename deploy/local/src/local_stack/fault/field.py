"""The field: the system that is hit. Two dispatchers, every connection through a proxy, every server on a disk of its
own, every program with a clock that can be turned.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from local_stack.children import Child
from local_stack.environments import dispatcher_environment, gateway_environment, simulator_environment
from local_stack.fault import setting
from local_stack.fault.abilities import Abilities
from local_stack.fault.clock import Clock
from local_stack.fault.kinds import DISPATCHERS, GATEWAY, LINKS, NATS, POSTGRES, SIMULATOR
from local_stack.fault.proxies import Proxies
from local_stack.fault.proxy import Proxy
from local_stack.fault.volumes import Volume
from local_stack.nats_server import NatsServer
from local_stack.places import http_url
from local_stack.ports import LOOPBACK
from local_stack.postgres_server import PostgresServer
from local_stack.program import START_SECONDS, Program
from local_stack.settings import Settings
from local_stack.stack_file import StackFile
from local_stack.supervisor import Part

COMMAND_SECONDS = 300.0


class Ports(msgspec.Struct, frozen=True):
    """The ports of the parts, by name; those of the proxies by their links."""

    parts: dict[str, int]
    links: dict[str, int]
    nats_monitor: int


def choose_ports(next_port: Callable[[], int]) -> Ports:
    """Choose them."""
    names = (POSTGRES, NATS, SIMULATOR, GATEWAY, *DISPATCHERS)
    return Ports({name: next_port() for name in names}, {link: next_port() for link in LINKS}, next_port())


class Field:
    """The running system. Everything is in `folder`; `seed` makes the VPS unruly in the same way each time."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        abilities: Abilities,
        environment: Mapping[str, str],
        seed: int,
        gap_ms: int,
        report: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.ports = ports
        self.kept = folder / "kept"
        self.volumes: dict[str, Volume] = {
            name: abilities.make_volume(folder / f"disk-{name}") for name in (NATS, POSTGRES, GATEWAY)
        }
        self.clocks = {
            name: Clock(abilities.faketime, folder / f"clock-{name}") for name in (GATEWAY, *DISPATCHERS)
        }
        self.proxies = Proxies({link: self._proxy(link) for link in LINKS})
        self.parts: dict[str, Part] = {}
        self._environment = setting.inherited(environment)
        self._seed = seed
        self._gap_ms = gap_ms
        self._report = report
        self._keys = {name: secrets.token_urlsafe(32) for name in ("webhook", "api", "vps")}
        self._postgres: PostgresServer | None = None
        self._nats: NatsServer | None = None

    def start(self) -> None:
        """Start all parts and wait until they are ready. Raises StartError; what was started is for `stop`."""
        for volume in self.volumes.values():
            volume.open()
        for server in self._servers():
            self._report(f"starting {server.child.name}")
            self.parts[server.child.name] = server
            server.start()
        self._report("applying migrations")
        self._dispatcher("migrate", ["migrate"], self.place()).run(COMMAND_SECONDS)
        self._report("starting simulator, gateway and two dispatchers")
        for program in self._programs():
            self.parts[program.child.name] = program
            program.launch()
        for part in self.parts.values():
            part.child.wait_until(part.is_ready, START_SECONDS)

    def stop(self) -> None:
        """Stop all parts and let go of the disks."""
        for part in reversed(self.parts.values()):
            part.child.stop()
        for volume in self.volumes.values():
            with suppress(OSError, RuntimeError):
                volume.close()

    def place(self, seen_from: str = "") -> StackFile:
        """Return where everything is: directly, or as a part sees it, through the proxies of its connections."""
        vps = http_url(LOOPBACK, self._port(seen_from, "vps", SIMULATOR))
        gateway = self._port("vps" if seen_from == SIMULATOR else "", GATEWAY, GATEWAY)
        return StackFile(
            gateway_url=http_url(LOOPBACK, gateway),
            api_url=http_url(LOOPBACK, self.ports.parts[DISPATCHERS[0]]),
            vps_url=vps,
            nats_url=self._nats_url(seen_from),
            nats_monitor_url=http_url(LOOPBACK, self.ports.nats_monitor),
            database_url=self._database_url(self._port(seen_from, POSTGRES, POSTGRES)),
            webhook_api_key=self._keys["webhook"],
            api_key=self._keys["api"],
            vps_api_key=self._keys["vps"],
            pids={name: part.child.pid for name, part in self.parts.items() if part.child.pid is not None},
        )

    @property
    def logs(self) -> Path:
        """Where the logs are."""
        return self.folder / "logs"

    def verify_command(self) -> Child:
        """Return the command that folds all events again and compares."""
        return self._dispatcher("verify", ["rebuild", "--verify"], self.place())

    def _port(self, who: str, whom: str, part: str) -> int:
        return self.ports.links.get(f"{who}>{whom}", self.ports.parts[part])

    def _database_url(self, port: int) -> str:
        direct = self._postgres.url if self._postgres else ""
        return direct.replace(f":{self.ports.parts[POSTGRES]}/", f":{port}/")

    def _nats_url(self, seen_from: str) -> str:
        """Return NATS with the user that a part connects as: the gateway may publish, and little else."""
        if self._nats is None:
            return ""
        direct = self._nats.gateway_url if seen_from == GATEWAY else self._nats.url
        return direct.replace(f":{self.ports.parts[NATS]}", f":{self._port(seen_from, NATS, NATS)}")

    def _proxy(self, link: str) -> Proxy:
        whom = link.partition(">")[2]
        target = self.ports.parts[SIMULATOR if whom == "vps" else whom]
        return Proxy(self.ports.links[link], target)

    def _servers(self) -> list[Part]:
        ports = self.ports.parts
        self._postgres = PostgresServer(
            self.volumes[POSTGRES].folder / "server", ports[POSTGRES], self._log(POSTGRES)
        )
        self._nats = NatsServer(
            self.volumes[NATS].folder / "server", ports[NATS], self.ports.nats_monitor, self._log(NATS)
        )
        return [self._postgres, self._nats]

    def _programs(self) -> list[Program]:
        return [self._simulator(), self._gateway(), *(self._worker(name) for name in DISPATCHERS)]

    def _simulator(self) -> Program:
        settings = setting.simulator_settings(self._seed, self.kept)
        environment = simulator_environment(
            {**self._environment, **settings}, self.place(SIMULATOR), self.ports.parts[SIMULATOR]
        )
        child = self._python(SIMULATOR, ["local_stack.simulator"], environment)
        return Program(child, f"{self.place().vps_url}/health", {"X-API-Key": self._keys["vps"]})

    def _gateway(self) -> Program:
        settings = setting.gateway_settings(self.volumes[GATEWAY].folder)
        environment = gateway_environment(
            {**self._environment, **settings, **self.clocks[GATEWAY].environment},
            Settings(),
            self.place(GATEWAY),
            self.ports.parts[GATEWAY],
        )
        child = self._python(GATEWAY, ["webhook_gateway"], environment)
        return Program(child, f"{self.place().gateway_url}/health/ready")

    def _worker(self, name: str) -> Program:
        child = self._dispatcher(name, ["run"], self.place(name))
        return Program(child, f"{http_url(LOOPBACK, self.ports.parts[name])}/health/ready")

    def _dispatcher(self, name: str, command: list[str], known: StackFile) -> Child:
        clock = self.clocks[name].environment if name in self.clocks else {}
        settings = setting.dispatcher_settings(self._gap_ms)
        port = self.ports.parts.get(name, self.ports.parts[DISPATCHERS[0]])
        environment = dispatcher_environment(
            {**self._environment, **settings, **clock}, Settings(), known, port
        )
        return self._python(name, ["dispatcher", *command], environment)

    def _python(self, name: str, module: list[str], environment: Mapping[str, str]) -> Child:
        return Child(name, [sys.executable, "-m", *module], self._log(name), environment=environment)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"
