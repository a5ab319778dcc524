"""`make bench`: measures one figure after another, each on a rig of its own, and prints a JSON line for each."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence

import uvloop

from local_stack.bench import deliveries, gateway, latency, outage, sends
from local_stack.bench.figure import Line, Name, line_of
from local_stack.bench.rig import Rig, rigged
from local_stack.ports import ports_of
from local_stack.up import ending_by_signal

INTERRUPTED = 130

Measure = Callable[[Rig, float], Awaitable[Sequence[Line]]]
Say = Callable[[str], None]


MEASURES: Mapping[Name, Measure] = {
    "gateway": gateway.measure,
    "deliveries": deliveries.measure,
    "sends": sends.measure,
    "latency": latency.measure,
    "swept_latency": latency.measure_swept,
    "outage": outage.measure,
}


def run_bench(
    environment: Mapping[str, str], names: Sequence[Name], scale: float, show: Say, tell: Say
) -> int:
    """Measure the named figures, or all if none is named. `show` gets the lines, `tell` the progress.

    Returns the exit code: 0 whatever the ratios are, 1 when a measurement failed.
    """
    failed = False
    try:
        with ending_by_signal():
            for name in names or MEASURES:
                failed |= not _measure(name, environment, scale, show, tell)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1 if failed else 0


def _measure(name: Name, environment: Mapping[str, str], scale: float, show: Say, tell: Say) -> bool:
    """Measure and show one figure; return whether that went well. What went wrong is told, the rest goes on."""
    ports = ports_of(environment)
    try:
        with rigged(environment, ports.next_port, lambda step: tell(f"{name}: {step}")) as rig:
            for line in _run(MEASURES[name](rig, scale)):
                show(line_of(line))
    except RuntimeError as failure:  # StartError and MeasurementError are
        tell(f"{name}: failed: {failure}")
        return False
    return True


def _run(measuring: Awaitable[Sequence[Line]]) -> Sequence[Line]:
    """Run to the end, or to a signal. The loop's handlers replace those around it, which are put back."""
    with ending_by_signal():
        try:
            return uvloop.run(_until_signal(measuring))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _until_signal(measuring: Awaitable[Sequence[Line]]) -> Sequence[Line]:
    """Cancel the measurement at a signal: raised as an exception it would end whatever callback just ran."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(measuring)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, task.cancel)
    return await task
