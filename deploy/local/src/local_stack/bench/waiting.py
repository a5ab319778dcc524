"""Waiting for what runs beside us, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from local_stack.bench.figure import MeasurementError


async def until(
    check: Callable[[], Awaitable[bool]], what: str, *, every_seconds: float, within_seconds: float
) -> None:
    """Return once `check` holds. Raises MeasurementError, saying what did not come, when the time is up."""
    deadline = time.monotonic() + within_seconds
    while not await check():
        if time.monotonic() > deadline:
            raise MeasurementError(f"not within {within_seconds:g} s: {what}")
        await asyncio.sleep(every_seconds)
