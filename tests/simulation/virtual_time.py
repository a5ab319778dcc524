"""An event loop whose clock jumps to the next thing that is due: hours pass in milliseconds, and nothing is random."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


TICK_SECONDS = 1e-6
"""So long everything takes at the least: a pause that is lost in rounding must not last for ever."""


class Deadlock(Exception):
    """Everybody waits, and nothing is ever due."""


class _Clock(selectors.SelectSelector):
    """Where an event loop would wait for the network, time goes on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that the loop wants to wait."""
        if timeout is None:
            raise Deadlock
        self.seconds += max(TICK_SECONDS, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock, which begins at 0."""

    def __init__(self) -> None:
        self._virtual = _Clock()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual seconds."""
        return self._virtual.seconds


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, at once."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
        loop.close()


async def _end(left: set[asyncio.Task[Any]]) -> None:
    """Let nothing that still runs outlive its clock."""
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
