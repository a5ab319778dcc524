"""The composition, as `dispatcher.composition` makes it: the same parts, on a simulated store, broker and VPS."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from random import Random
from types import SimpleNamespace
from typing import Any, ParamSpec
from uuid import UUID

from contracts.commands import CampaignSpec, RecipientSpec
from contracts.streams import DISPATCHER_DELIVERIES
from dispatcher.consumers import deliveries
from dispatcher.consumers.batch import Intake
from dispatcher.creation import Clerk
from dispatcher.domain import recipient_commands
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.domain.campaign_commands import Pause, Resume
from dispatcher.domain.session_decider import Release
from dispatcher.domain.status import Status
from dispatcher.enrolment import check
from dispatcher.handling import Cause, Rules, batch
from dispatcher.processes.expire_sends import Expiry
from dispatcher.sending.flight import Clock, Ids, Pace
from dispatcher.sending.sender import Sender
from dispatcher.steering import Wish, carry_out
from dispatcher.store.postgres import WORK
from dispatcher.supervision import Health, Loop, every, supervise
from simulation.broker import Broker, BrokerFaults
from simulation.scenario import TROUBLE_SECONDS, Plan, Scenario, scenario_of
from simulation.statements import MEANINGS
from simulation.store import LostConnection, Store, Violated
from simulation.virtual_time import run_virtually
from simulation.vps import CALM, Vps

P = ParamSpec("P")

NOON_MS = 1_700_000_000_000
TENANT = "acme"
BACKOFF_SECONDS = (5.0, 10.0, 20.0)
LOOK_SECONDS = 15.0
PATIENCE_SECONDS = 1800.0
"""So long all may take to come to rest, once nothing goes wrong any more."""
REBIRTH_SECONDS = 3.0
KILLED_PART = 0.7
"""So many of those that end are killed; the others are told to stop."""


class NeverQuiet(AssertionError):
    """Something waits for ever."""


class World:
    """One simulated system, and what it comes to; in `scenario`, where that is not the seed's own."""

    def __init__(self, seed: int, scenario: Scenario | None = None) -> None:
        self.random = Random(seed)
        drawn = scenario_of(self.random)
        self.scenario = scenario or drawn
        self.rules = Rules(RetryPolicy(BACKOFF_SECONDS, self.scenario.max_attempts), (2, 5, 10))
        self.store = Store(MEANINGS, self.scenario.store, self._own(), self.now_ms, self._wake)
        self.broker = Broker(self.scenario.broker, self._own())
        self.vps = Vps(
            self.scenario.build, self.scenario.vps, self.broker, self._own(), NOON_MS, self.scenario.skew_ms
        )
        self.engine: Any = self.store
        self.numbers = itertools.count(1)
        self.replicas: list[Replica] = []
        self.campaigns = [UUID(int=number) for number in range(1, len(self.scenario.plans) + 1)]
        self.crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _own(self) -> Random:
        """Return a source of chance for one part, so that a change of one does not change all others."""
        return Random(self.random.getrandbits(64))

    def _wake(self, channel: str, payload: str) -> None:
        if channel == WORK:
            for replica in self.replicas:
                replica.sender.wake(payload)

    def watched(self, act: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        """Let nothing but what a store may do crash a part: the supervisor would start it again, and nobody know."""

        async def carefully(*given: P.args, **named: P.kwargs) -> None:
            try:
                await act(*given, **named)
            except (LostConnection, Violated):
                raise
            except Exception as error:
                if not self.crash.done():
                    self.crash.set_exception(error)
                raise

        return carefully

    def now_ms(self) -> int:
        """Return the dispatcher's wall time."""
        return NOON_MS + round(asyncio.get_running_loop().time() * 1000)

    async def live(self) -> None:
        """Let everything happen that the scenario holds, then come to rest."""
        events = [self._born(at * 0.5) for at in range(self.scenario.replicas)]
        events += [self._create(*pair) for pair in zip(self.campaigns, self.scenario.plans, strict=True)]
        events += [self._die(at) for at in self.scenario.deaths]
        events += [self._restart_vps(at) for at in self.scenario.vps_restarts]
        await asyncio.gather(*events)
        await asyncio.sleep(max(0.0, TROUBLE_SECONDS - asyncio.get_running_loop().time()))
        await self._make_peace()
        await self._until_quiet()
        await self._try_again()
        await self._until_quiet()
        for replica in self.replicas:
            await replica.stop()

    async def _born(self, at_seconds: float) -> None:
        await asyncio.sleep(at_seconds)
        self.replicas.append(Replica(self, f"dispatcher-{next(self.numbers)}"))

    async def _die(self, at_seconds: float) -> None:
        """End a dispatcher, as it likes or in the middle of whatever it does; another one starts later."""
        await asyncio.sleep(at_seconds)
        if self.replicas:
            dying = self.replicas.pop(0)
            await (dying.kill() if self.random.random() < KILLED_PART else dying.stop())
            await self._born(REBIRTH_SECONDS)

    async def _restart_vps(self, at_seconds: float) -> None:
        await asyncio.sleep(at_seconds)
        self.vps.restart()

    async def _create(self, campaign_id: UUID, plan: Plan) -> None:
        await asyncio.sleep(plan.at_seconds)
        recipients = [RecipientSpec(group_jid=jid) for jid in plan.recipients]
        spec = CampaignSpec(plan.session_id, f"hello {campaign_id}", recipients, priority=plan.priority)  # type: ignore[arg-type]
        clerk, accepted, cause = Clerk(self.engine, self.rules, 2), check(spec, 972), Cause(str(campaign_id))
        await self._insist(lambda: clerk.record(TENANT, campaign_id, accepted, cause, self.now_ms()))
        if plan.paused_at is not None:
            await asyncio.sleep(plan.paused_at)
            await self._steer(campaign_id, Pause)

    async def _steer(self, campaign_id: UUID, command: type[Pause | Resume]) -> None:
        cause = Cause(str(campaign_id))

        async def act() -> None:
            wish = Wish(TENANT, campaign_id, command(self.now_ms(), "ada"), cause)
            await carry_out(self.engine, self.rules, wish)

        await self._insist(act)

    async def _insist(self, act: Any) -> None:
        """Do it again until it is known to be done, as NATS and operators do."""
        while True:
            try:
                await act()
            except LostConnection:
                await asyncio.sleep(1.0)
            else:
                return

    async def _make_peace(self) -> None:
        """Let nothing go wrong any more, and whatever somebody holds go on."""
        self.vps.faults, self.broker.faults, self.store.calm = CALM, BrokerFaults(), True
        await self._resume()
        await self._release_sessions()

    async def _resume(self) -> None:
        for campaign_id in self.campaigns:
            await self._steer(campaign_id, Resume)

    async def _release_sessions(self) -> None:
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            session_ids = list(self.store.sessions)
            await handling.load(connection, session_ids=session_ids)
            for session_id in session_ids:
                handling.tell_session(session_id, Release(self.now_ms(), "ada"), Cause(session_id))

    async def _try_again(self) -> None:
        """Let an operator send again what failed for certain, now and then."""
        failed = [key for key, line in self.store.recipients.items() if line.status == Status.FAILED]
        chosen = [key for key in failed if self.random.random() < 0.3]
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            await handling.load(connection, chosen)
            for key in chosen:
                again = recipient_commands.Retry(self.now_ms(), "ada")
                handling.tell_recipient(key, again, Cause("again"))
        await self._resume()  # one that was paused when it ended is so again, now that it goes on

    async def _until_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        quiet = 0
        while quiet < 2:
            await asyncio.sleep(LOOK_SECONDS)
            quiet = quiet + 1 if self._is_quiet() else 0
            if loop.time() > deadline:
                raise NeverQuiet(self._restless())

    def _is_quiet(self) -> bool:
        return self.broker.quiet and self.vps.quiet and not self._restless()

    def _restless(self) -> list[str]:
        """Return who still waits for something that can come by itself."""
        flying = [line.attempt_id for line in self.store.open_attempts.values() if line.in_flight]
        queued = [f"{key[1]} is queued" for key in self.store.queue]
        broker = [] if self.broker.quiet else ["reports wait"]
        return [*flying, *queued, *broker]


class Replica:
    """One dispatcher's process: sender, expiry, and the consumer of delivery reports, each supervised."""

    def __init__(self, world: World, holder: str) -> None:
        scenario = world.scenario
        pace = Pace(0.1, scenario.lanes, 20, 20, 20, gap_jitter=0.2)
        ids = Ids(
            lambda: str(UUID(int=10_000 + next(world.numbers))), lambda: f"3EB0{next(world.numbers):018X}"
        )
        clock = Clock(world.now_ms, asyncio.get_running_loop().time)
        self.sender = Sender(world.engine, world.rules, world.vps, pace, clock, ids, holder)
        expiry = Expiry(
            world.engine, world.rules, world.vps.look_up, scenario.policy, world.now_ms, holder, 10
        )
        reports = deliveries.Deliveries(world.engine, world.rules, world.now_ms)
        nobody: Any = SimpleNamespace()
        take_in = world.watched(reports.handle)
        intake = Intake(DISPATCHER_DELIVERIES, deliveries.decode, take_in, nobody, nobody, 20)
        health = Health()
        self._stopping = asyncio.Event()
        loops: dict[str, Loop] = {
            "sender": self.sender.run,
            "expiry": every(5, expiry.settle),
            "deliveries": lambda _, __: world.broker.deliver(intake.take),  # type: ignore[arg-type]
        }
        self._tasks = {
            name: asyncio.create_task(supervise(name, world.watched(loop), self._stopping, health))
            for name, loop in loops.items()
        }

    async def stop(self) -> None:
        """Let it end as it does when it is told to: what is in flight is recorded, and the leases are given back."""
        self._stopping.set()
        self.sender.wake()
        await asyncio.wait({self._tasks["sender"]})
        await self.kill()

    async def kill(self) -> None:
        """End it at once, in the middle of whatever it does; what the VPS has got, the VPS has got."""
        tasks = [*self._tasks.values(), *self.sender._calls]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def simulate(seed: int, scenario: Scenario | None = None) -> World:
    """Return the world that a seed makes, perhaps in another scenario than its own, at rest; whatever crashes a part of
    it is raised at once.
    """

    async def live() -> World:
        world = World(seed, scenario)
        life = asyncio.create_task(world.live())
        await asyncio.wait({life, world.crash}, return_when=asyncio.FIRST_COMPLETED)
        (world.crash if world.crash.done() else life).result()
        return world

    return run_virtually(live())
