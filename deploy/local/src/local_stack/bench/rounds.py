"""Rounds: the measured and the bare thing take turns, so that a machine that slows down slows both."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable

import msgspec

from local_stack.bench.figure import MeasurementError

ROUND_SECONDS = 120.0

Measure = Callable[[], Awaitable[float]]
"""Runs one round; returns its rate per second."""


class Rates(msgspec.Struct, frozen=True):
    """The median rates of both."""

    value: float
    bare: float


async def take_turns(
    name: str, value: Measure, bare: Measure, rounds: int, tell: Callable[[str], None]
) -> Rates:
    """Measure both in turn, `rounds` times each, after a round of each that only warms up.

    Raises MeasurementError, also when a round does not end.
    """
    values, bares = [], []
    for number in range(rounds + 1):
        value_rate, bare_rate = await _in_time(value), await _in_time(bare)
        if number > 0:
            values.append(value_rate)
            bares.append(bare_rate)
        round_name = f"round {number}/{rounds}" if number else "warm-up"
        tell(f"{name}, {round_name}: {value_rate:,.0f}/s, bare {bare_rate:,.0f}/s")
    return Rates(statistics.median(values), statistics.median(bares))


async def _in_time(measure: Measure) -> float:
    try:
        async with asyncio.timeout(ROUND_SECONDS):
            return await measure()
    except TimeoutError:
        raise MeasurementError(f"a round was not over after {ROUND_SECONDS:g} s") from None
