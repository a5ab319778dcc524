"""A whole running system for tests: gateway, dispatcher and simulator as processes, on servers of its own."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from local_stack.children import Child
from local_stack.ports import LOOPBACK, ports_of
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.ledger import LedgerReport
from support.api import Api
from support.bus import Bus
from support.eventually import eventually
from support.servers import Databases, as_running_role, running_nats
from support.truth import Truth

API_KEY = "acme-4c1f09d2b7e85a36"
OTHER_API_KEY = "other-90ab57c3e1d2648f"
WEBHOOK_KEY = "hook-6b2e8f1d94a07c35"
VPS_KEY = "vps-58d3a1c7f0b94e62"

FAST = {
    "SEND_GAP_MS": "5",
    "CALLBACK_DEADLINE_S": "2",
    "RETRY_BACKOFF_S": "0.2",
    "MAX_ATTEMPTS": "3",
    "SWEEP_S": "1",
    "LEASE_S": "3",
    "ASK_AGAIN_S": "0.3",
    "EXPIRY_INTERVAL_S": "0.25",
    "SESSION_PARK_S": "0.2",
    "VPS_TIMEOUT_S": "1.5",
    "DRAIN_S": "2",
    "UNMATCHED_S": "0.001",
}
"""Settings of the dispatcher that make waits short; what they mean stays the same."""

READY_SECONDS = 60
PARTS = 3


class Ended(msgspec.Struct, frozen=True):
    """How a command of the dispatcher ended."""

    code: int
    output: str


class System:
    """One running system. Each test takes its own session ids and groups, so that many can share it."""

    def __init__(self, environments: dict[str, dict[str, str]], folder: Path) -> None:
        self._environments = environments
        self._folder = folder
        programs = {
            "simulator": ["local_stack.simulator"],
            "gateway": ["webhook_gateway"],
            "dispatcher": ["dispatcher", "run"],
        }
        self.children = {
            name: Child(
                name,
                [sys.executable, "-m", *module],
                folder / f"{name}.log",
                environment=environments[name],
            )
            for name, module in programs.items()
        }
        self._numbers = itertools.count(1)

    api: Api
    other_api: Api
    vps: SimulatorClient
    bus: Bus
    truth: Truth
    http: aiohttp.ClientSession

    @property
    def dispatcher(self) -> Child:
        """The dispatcher's process."""
        return self.children["dispatcher"]

    @property
    def vps_process(self) -> Child:
        """The simulator's process: its end is a VPS that refuses connections."""
        return self.children["simulator"]

    @property
    def is_whole(self) -> bool:
        """All that it began with runs, and no more."""
        return len(self.children) == PARTS and all(child.is_running for child in self.children.values())

    def environment_of(self, name: str) -> dict[str, str]:
        """Return what a part was started with."""
        return self._environments[name]

    def new_session(self) -> str:
        """Return the id of a session that no other test uses."""
        return f"wa_{next(self._numbers)}"

    def new_groups(self, count: int) -> list[str]:
        """Return JIDs of groups that no other test uses."""
        return [f"1203630{next(self._numbers):011}@g.us" for _ in range(count)]

    async def ledger(self, session_id: str) -> LedgerReport:
        """What was really sent by a session."""
        return await self.vps.ledger(session_id=session_id)

    async def until_quiet(self, within_s: float = 45) -> None:
        """Wait until the VPS has nothing to tell and the dispatcher has taken in all that it told."""
        await self.vps.wait_until_idle(within_s)
        await self.bus.until_consumed(within_s)

    async def run(self, *command: str) -> Ended:
        """Run a command of the dispatcher to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dispatcher", *command),
            env=self._environments["dispatcher"],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return Ended(process.returncode or 0, output.decode(errors="replace"))

    async def start_another_dispatcher(self, name: str) -> Child:
        """Start one more dispatcher on the same servers, with an API of its own."""
        port = str(ports_of(os.environ).next_port())
        self._environments[name] = {**self._environments["dispatcher"], "API_PORT": port}
        self.children[name] = Child(
            name,
            self.dispatcher.command,
            self._folder / f"{name}.log",
            environment=self._environments[name],
        )
        await self.start(name)
        return self.children[name]

    async def start(self, name: str) -> None:
        """Start a part and wait until it is ready."""
        self.children[name].start()
        await self.until_ready(name)

    async def until_ready(self, name: str) -> None:
        """Wait until a part does its work."""
        await eventually(lambda: self._is_ready(name), READY_SECONDS)

    async def stop_all(self) -> None:
        """Stop all parts in order, the dispatcher first."""
        for child in reversed(self.children.values()):
            await asyncio.to_thread(child.stop)

    async def _is_ready(self, name: str) -> bool:
        child, environment = self.children[name], self._environments[name]
        if not child.is_running:
            raise RuntimeError(f"{name} ended ({child.exit_code}):\n{child.last_lines()}")
        path = "/health" if name == "simulator" else "/health/ready"
        try:
            async with self.http.get(_url(environment) + path, headers={"X-API-Key": VPS_KEY}) as answer:
                assert answer.status == 200, f"{name}: {await answer.text()}"
                return True
        except aiohttp.ClientConnectionError:
            return False


@asynccontextmanager
async def running_system(folder: Path, databases: Databases, **settings: str) -> AsyncIterator[System]:
    """Give a running system; `settings` are the dispatcher's, over the fast ones. One at a time."""
    async with running_nats(folder / "nats") as nats_url:
        database_url = await databases.create_migrated()
        async with running_system_on(nats_url, database_url, folder, **settings) as system:
            yield system


@asynccontextmanager
async def running_system_on(
    nats_url: str, database_url: str, folder: Path, **settings: str
) -> AsyncIterator[System]:
    """Give a system that runs on these servers; the database is migrated."""
    environments = _environments(nats_url, database_url, folder, settings)
    environments["dispatcher"] |= {
        "DATABASE_URL": as_running_role(database_url),
        "MIGRATE_DATABASE_URL": database_url,
    }
    async with AsyncExitStack() as stack:
        system = System(environments, folder)
        system.http = await stack.enter_async_context(aiohttp.ClientSession())
        api_url, vps_url = _url(environments["dispatcher"]), _url(environments["simulator"])
        system.api = Api(system.http, api_url, API_KEY)
        system.other_api = Api(system.http, api_url, OTHER_API_KEY)
        system.vps = await stack.enter_async_context(SimulatorClient(vps_url, VPS_KEY))
        system.truth = Truth(database_url)
        stack.push_async_callback(system.stop_all)
        for child in system.children.values():
            child.start()
        for name in reversed(system.children):
            await system.until_ready(name)
        system.bus = await Bus.connect(nats_url)
        stack.push_async_callback(system.bus.close)
        yield system


def _environments(
    nats_url: str, database_url: str, folder: Path, settings: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Return the environment of each part."""
    ports = ports_of(os.environ)
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    simulator = {"VPS_SIM_HOST": LOOPBACK, "VPS_SIM_PORT": str(ports.next_port()), "VPS_SIM_API_KEY": VPS_KEY}
    gateway = {
        "GATEWAY_HOST": LOOPBACK,
        "GATEWAY_PORT": str(ports.next_port()),
        "NATS_URL": nats_url,
        "WEBHOOK_API_KEYS": WEBHOOK_KEY,
        "SPOOL_PATH": str(folder / "gateway-spool.db"),
    }
    simulator |= {
        "VPS_SIM_GATEWAY_URL": _url(gateway),
        "VPS_SIM_WEBHOOK_KEY": WEBHOOK_KEY,
        "VPS_SIM_CALLBACK_RETRY_MS": "100",
        "VPS_SIM_SEED": "1",
    }
    dispatcher = {
        "API_HOST": LOOPBACK,
        "API_PORT": str(ports.next_port()),
        "API_KEYS": f"acme:{API_KEY},other:{OTHER_API_KEY}",
        "NATS_URL": nats_url,
        "DATABASE_URL": database_url,
        "VPS_URL": _url(simulator),
        "VPS_API_KEY": VPS_KEY,
        **FAST,
        **settings,
    }
    parts = {"simulator": simulator, "gateway": gateway, "dispatcher": dispatcher}
    return {name: {**kept, **environment} for name, environment in parts.items()}


def _url(environment: dict[str, str]) -> str:
    """Return where a part listens, by its own settings."""
    return f"http://{LOOPBACK}:{next(_ports(environment))}"


def _ports(environment: dict[str, str]) -> Iterator[str]:
    return (text for name, text in environment.items() if name.endswith("_PORT"))
