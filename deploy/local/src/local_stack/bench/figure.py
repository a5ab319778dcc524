"""A figure: what was measured, as one JSON line; a rate stands beside its bound."""

import math
import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec

Name = Literal["gateway", "deliveries", "sends", "latency", "swept_latency", "outage"]
"""What can be measured by itself; a measurement may have several figures."""


class MeasurementError(RuntimeError):
    """What ran did not do all that it should have done, so that its time says nothing."""


class Figure(msgspec.Struct, frozen=True):
    """`value` and `bare` are per second; `ratio` is the one over the other; `aim` is what we want it to reach."""

    figure: str
    value: float
    bare: float
    ratio: float
    aim: float
    detail: str


class Latency(msgspec.Struct, frozen=True):
    """How long something takes, in milliseconds; there is no bound to compare it with."""

    figure: str
    median_ms: float
    p99_ms: float
    samples: int
    detail: str


class Outage(msgspec.Struct, frozen=True):
    """What an absence of the broker did to callbacks. `ratio` is how many times longer than usual the slowest
    hundredth of the answers took; `aim` is what it must stay below. The rest are counts.
    """

    figure: str
    usual_p99_ms: float
    away_p99_ms: float
    ratio: float
    aim: float
    callbacks: int
    spooled: int
    refused: int
    lost: int
    twice: int
    out_of_order: int
    drain_seconds: float
    detail: str


Line = Figure | Latency | Outage


def figure_of(name: str, value: float, bare: float, aim: float, detail: str) -> Figure:
    """Return a figure, rounded for reading; the ratio is that of the rounded rates, as a reader reckons it."""
    value, bare = round(value, 1), round(bare, 1)
    if not bare:
        raise MeasurementError(f"{name}: the bare rate is 0")
    return Figure(name, value, bare, round(value / bare, 3), aim, detail)


def latency_of(name: str, samples_ms: Sequence[float], detail: str) -> Latency:
    """Return the median and the 99th percentile (nearest rank) of samples."""
    ranked = sorted(samples_ms)
    p99 = ranked[math.ceil(0.99 * len(ranked)) - 1]
    return Latency(name, round(statistics.median(ranked), 1), round(p99, 1), len(ranked), detail)


def line_of(line: Line) -> str:
    """Return the JSON line."""
    return msgspec.json.encode(line).decode()


def scaled(count: int, scale: float) -> int:
    """Return a count at a scale; at least 1."""
    return max(1, round(count * scale))
