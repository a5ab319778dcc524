"""Stopping: the first signal lets what is on its way finish, within a time; the second ends the process at once."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

STOPPED_AT_ONCE = 130
AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: `asyncio.wait_for` of Python 3.11 keeps a cancellation to itself that comes
    together with what it waits for. What made the task fail is raised.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
    if not task.cancelled():
        task.result()


class Stopping:
    """Knows whether a stop was asked for; `within_seconds` is all that it may take."""

    def __init__(self, within_seconds: float) -> None:
        self._within_seconds = within_seconds
        self._asked = asyncio.Event()
        self._deadline = float("inf")

    @property
    def asked(self) -> bool:
        """Whether to take nothing new."""
        return self._asked.is_set()

    def on_signals(self, stop: Callable[[], None]) -> None:
        """Call `stop` at the first SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask, stop)

    async def finish(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that a stop must not cut off; `what` names it for the log. Faults of the work are raised.

        When the time is up the process ends, at once: what hangs would hang an orderly end too, and what was
        answered 202 is on a disk.
        """
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not task.done():
            left = max(0.0, self._deadline - asyncio.get_running_loop().time())
            await asyncio.wait({task}, timeout=left)
        if not task.done():
            log.warning("not finished in time: %s", what)
            os._exit(0)
        task.result()

    def _ask(self, stop: Callable[[], None]) -> None:
        if self.asked:
            log.warning("stopped at once")
            os._exit(STOPPED_AT_ONCE)
        log.info("stopping")
        self._deadline = asyncio.get_running_loop().time() + self._within_seconds
        self._asked.set()
        stop()
