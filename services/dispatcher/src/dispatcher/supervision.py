"""Loops that must not die: a crash is logged, counted, and followed by a new start with growing pauses; one that
hangs is known by its pulse.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec

from dispatcher.pulse import Pulse

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 5.0
"""The longest that a loop is down after what made it crash is over: nothing is sent meanwhile."""
CALM_SECONDS = 10.0
"""A loop that ran so long before it crashed had got over its last crash, and starts again with the first pause."""

AGAIN_SECONDS = 0.5

Loop = Callable[[asyncio.Event, Pulse], Awaitable[None]]
"""Runs until told to stop, and shows by its pulse that it does not hang."""


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: `asyncio.wait_for` of Python 3.11 keeps a cancellation to itself that comes
    together with what it waits for. What made one fail is raised.
    """
    tasks = list(tasks)
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.result()


class Health(msgspec.Struct):
    """What is known of the loops: how often each crashed, which rest after a crash, and since when (seconds of the
    event loop's clock) each has crashed again and again. It counts as mended once it ran calmly.
    """

    crashes: dict[str, int] = {}
    down: set[str] = set()
    failing_since: dict[str, float] = {}
    running_since: dict[str, float] = {}
    pulses: dict[str, Pulse] = {}

    def pulse(self, name: str) -> Pulse:
        """Return the pulse of a loop."""
        return self.pulses.setdefault(name, Pulse())

    def crash(self, name: str, started: float, now: float) -> None:
        """Count a crash of a loop that was started at `started`."""
        self.crashes[name] = self.crashes.get(name, 0) + 1
        if name not in self.failing_since or now - started > CALM_SECONDS:
            self.failing_since[name] = now
        self.down.add(name)

    def failing(self, now: float, seconds: float) -> list[str]:
        """Return the loops that have crashed again and again for longer than so many seconds."""
        return sorted(
            name
            for name, since in self.failing_since.items()
            if now - since > seconds and (name in self.down or now - self.running_since[name] <= CALM_SECONDS)
        )

    def hanging(self, now: float, seconds: float) -> list[str]:
        """Return the loops that have been busy for longer than so many seconds, and shown no sign of life."""
        return sorted(
            name
            for name, pulse in self.pulses.items()
            if pulse.busy_since is not None and now - pulse.busy_since > seconds
        )


async def supervise(name: str, loop: Loop, stopping: asyncio.Event, health: Health) -> None:
    """Run a loop until told to stop, starting it again whenever it crashes."""
    clock = asyncio.get_running_loop().time
    pulse, pause = health.pulse(name), 0.0
    while not stopping.is_set():
        started = health.running_since[name] = clock()
        health.down.discard(name)
        pulse.begin()
        try:
            await loop(stopping, pulse)
        except Exception:
            health.crash(name, started, clock())
            pause = next_pause(pause, clock() - started)
            log.exception("loop=%s crashed; it starts again in %.1f s", name, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)


def next_pause(last_seconds: float, ran_seconds: float) -> float:
    """Return the pause after a crash: growing from crash to crash, and short again after a time without."""
    if last_seconds == 0 or ran_seconds > CALM_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(last_seconds * 2, MAX_PAUSE_SECONDS)


def every(seconds: float, act: Callable[[], Awaitable[int]]) -> Loop:
    """Return a loop that acts, at once again while there was something to do, else after a pause."""

    async def loop(stopping: asyncio.Event, pulse: Pulse) -> None:
        while not stopping.is_set():
            if await act():
                pulse.beat()
            else:
                with pulse.resting(), suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), seconds)

    return loop
