"""The strikes: how each kind of fault is injected and taken back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from local_stack.fault import volumes
from local_stack.fault.field import Field
from local_stack.fault.flood import Flood
from local_stack.fault.keeper import Keeper
from local_stack.fault.kinds import CALLBACK_KNOBS, GATEWAY, NATS, SPOOLED_LINK, Fault, Kind
from local_stack.fault.processes import continue_tree, kill_tree, stop_tree
from local_stack.fault.proxy import Proxy
from local_stack.fault.volumes import LoopDisk
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.knobs import Knobs

KILL_AFTER_FULL_SECONDS = 0.2
EXHAUSTED_SECONDS = 20.0
"""So long it may take until a spool on a full disk takes no more."""
TURN_SECONDS = 60.0
TURN_PAUSE_SECONDS = 0.5


class Striker:
    """Hits a field. `calm` are the knobs of a VPS that nothing disturbs. `toothless` are faults that nobody felt."""

    def __init__(self, field: Field, keeper: Keeper, vps: SimulatorClient, calm: Knobs, flood: Flood) -> None:
        self.toothless: list[Fault] = []
        self._field = field
        self._flood = flood
        self._keeper = keeper
        self._vps = vps
        self._calm = calm

    async def strike(self, fault: Fault) -> None:
        """Inject a fault, and return when it is over."""
        await self._STRIKES[fault.kind](self, fault)

    async def _kill(self, fault: Fault) -> None:
        self._end(fault.target)
        await asyncio.sleep(fault.seconds)
        self._keeper.release(fault.target)

    async def _stop(self, fault: Fault) -> None:
        pid = self._pid(fault.target)
        stop_tree(pid)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            continue_tree(pid)

    async def _cut(self, fault: Fault) -> None:
        self._field.proxies.tell(fault.target, Proxy.cut)
        await asyncio.sleep(fault.seconds)

    async def _half_close(self, fault: Fault) -> None:
        self._field.proxies.tell(fault.target, Proxy.half_close)
        await asyncio.sleep(fault.seconds)

    async def _delay(self, fault: Fault) -> None:
        await self._misdirect(fault, lambda proxy: proxy.delay(fault.size / 1000))

    async def _black_hole(self, fault: Fault) -> None:
        await self._misdirect(fault, Proxy.swallow)

    async def _misdirect(self, fault: Fault, act: Callable[[Proxy], None]) -> None:
        self._field.proxies.tell(fault.target, act)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            self._field.proxies.tell(fault.target, Proxy.pass_on)

    async def _fill_disk(self, fault: Fault) -> None:
        """Fill a disk. The broker's needs a restart afterwards, as its README says; the gateway's spool is only
        written while the broker is away.
        """
        if fault.target == GATEWAY:
            await self._fill_spool(fault)
            return
        folder = self._field.volumes[fault.target].folder
        volumes.fill(folder)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            volumes.make_room(folder)
        self._end(NATS)
        await asyncio.sleep(KILL_AFTER_FULL_SECONDS)
        self._keeper.release(NATS)

    async def _fill_spool(self, fault: Fault) -> None:
        """Fill the spool's disk until the gateway feels it, and leave it so for a while."""
        folder = self._field.volumes[GATEWAY].folder
        self._field.proxies.tell(SPOOLED_LINK, Proxy.swallow)
        volumes.fill(folder)
        try:
            if not await self._flood.exhaust(EXHAUSTED_SECONDS):
                self.toothless.append(fault)
            await asyncio.sleep(fault.seconds)
        finally:
            volumes.make_room(folder)
            self._field.proxies.tell(SPOOLED_LINK, Proxy.pass_on)
        await self._flood.ebb()

    async def _cut_power(self, fault: Fault) -> None:
        names = fault.target.split("+")
        disks = [disk for name in names if isinstance(disk := self._field.volumes[name], LoopDisk)]
        self._keeper.hold(*names)
        for disk in disks:
            disk.cut_power()
        for name in names:
            self._end(name)
        await asyncio.sleep(fault.seconds)
        for disk in disks:
            disk.come_back()
        self._keeper.release(*names)

    async def _turn_clock(self, fault: Fault) -> None:
        clock = self._field.clocks[fault.target]
        clock.turn(fault.size)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            clock.turn(0)

    async def _disturb_callbacks(self, fault: Fault) -> None:
        knobs = CALLBACK_KNOBS[fault.target]
        await self._turn(knobs)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await self._turn({name: getattr(self._calm, name) for name in knobs})

    async def _turn(self, knobs: Mapping[str, float | int]) -> None:
        """Turn knobs of the VPS, which may be on its way back from the fault before. Raises TimeoutError."""
        async with asyncio.timeout(TURN_SECONDS):
            while True:
                try:
                    await self._vps.turn(**knobs)
                except aiohttp.ClientError:
                    await asyncio.sleep(TURN_PAUSE_SECONDS)
                else:
                    return

    def _end(self, name: str) -> None:
        self._keeper.hold(name)
        pid = self._pid(name)
        kill_tree(pid)
        self._field.parts[name].child.kill()

    def _pid(self, name: str) -> int | None:
        return self._field.parts[name].child.pid

    _STRIKES: Mapping[Kind, Callable[["Striker", Fault], Awaitable[None]]] = {
        Kind.KILL: _kill,
        Kind.STOP: _stop,
        Kind.CUT: _cut,
        Kind.HALF_CLOSE: _half_close,
        Kind.DELAY: _delay,
        Kind.BLACK_HOLE: _black_hole,
        Kind.OUTAGE: _kill,
        Kind.DISK_FULL: _fill_disk,
        Kind.POWER_CUT: _cut_power,
        Kind.CLOCK_STEP: _turn_clock,
        Kind.CALLBACKS: _disturb_callbacks,
    }
