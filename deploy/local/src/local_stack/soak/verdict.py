"""The verdict: does anything grow? Pure.

The samples after the warm-up are cut in two halves, and the medians of both are compared: one sample that a garbage
collector has just been at must not decide.
"""

from collections.abc import Sequence
from statistics import median

import msgspec

from local_stack.soak.samples import Sample, Use

WARM_UP_PART = 0.55
"""NATS and the gateway remember ids for two minutes, and the dispatcher first compares its rows with the events after
ten: before that is over, memory of a 20-minute run must grow.
"""
SPARE_DESCRIPTORS = 4
SPARE_PART = 0.1
"""Pools open and close a connection or two, and behind each connection PostgreSQL has some fifty files open."""
LEAST_SAMPLES = 4
LEAST_POSTED = 0.95
"""So much of what was wanted must have been posted: a gateway that answers slowly holds the load up."""


class Growth(msgspec.Struct, frozen=True):
    """How a part stood in the two halves after the warm-up: medians."""

    memory_before: int
    memory_after: int
    descriptors_before: int
    descriptors_after: int

    @property
    def memory_percent(self) -> float:
        """By how much its memory grew (negative: shrank)."""
        return 100 * (self.memory_after / self.memory_before - 1) if self.memory_before else 0.0


class TooShortError(ValueError):
    """There are not enough samples after the warm-up to tell anything."""


def growth_of(samples: Sequence[Sample], seconds: float) -> dict[str, Growth]:
    """Compare the halves of what comes after the warm-up. Raises TooShortError."""
    warm = [sample for sample in samples if sample.at_seconds >= seconds * WARM_UP_PART]
    if len(warm) < LEAST_SAMPLES:
        raise TooShortError(f"{len(warm)} samples after the warm-up; at least {LEAST_SAMPLES} are needed")
    half = len(warm) // 2
    return {name: _growth(warm[:half], warm[half:], name) for name in warm[0].parts}


def complaints(
    growth: dict[str, Growth],
    tolerance_percent: float,
    last_lag: int,
    refused: int,
    posted: int,
    wanted: float,
) -> list[str]:
    """Return what is not as it must be."""
    found = [
        f"{name}: memory grew by {each.memory_percent:.1f} %"
        for name, each in growth.items()
        if each.memory_percent > tolerance_percent
    ]
    found += [
        f"{name}: descriptors grew from {each.descriptors_before} to {each.descriptors_after}"
        for name, each in growth.items()
        if each.descriptors_after > allowed_descriptors(each.descriptors_before, tolerance_percent)
    ]
    if last_lag:
        found.append(f"{last_lag} messages and events still wait at the end")
    if refused:
        found.append(f"{refused} callbacks were not answered 202")
    if posted < wanted * LEAST_POSTED:
        found.append(f"{posted} callbacks could be posted in the time of {wanted:.0f}")
    return found


def allowed_descriptors(before: int, tolerance_percent: float) -> float:
    """Return up to how many descriptors nothing has grown."""
    return before + max(SPARE_DESCRIPTORS, before * max(SPARE_PART, tolerance_percent / 100))


def _growth(before: Sequence[Sample], after: Sequence[Sample], name: str) -> Growth:
    earlier, later = ([sample.parts[name] for sample in half] for half in (before, after))
    return Growth(_memory(earlier), _memory(later), _descriptors(earlier), _descriptors(later))


def _memory(uses: Sequence[Use]) -> int:
    return round(median(use.memory_bytes for use in uses))


def _descriptors(uses: Sequence[Use]) -> int:
    return round(median(use.descriptors for use in uses))
