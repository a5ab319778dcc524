"""The plan: which faults, in which order, drawn from a seed. Pure: the same seed gives the same plan."""

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from local_stack.fault.kinds import LONGEST_VPS_STOP_SECONDS, ROWS, SIMULATOR, Fault, Kind, touched

T = TypeVar("T")

LONG_FORM_FAULTS = 100
"""From so many faults on, a server that is down is so for its full time."""
SHORT_OUTAGE_SECONDS = 4.0
PAIR_CHANCE = 0.3
"""So often two faults come at the same time."""
REST_SECONDS = (0.2, 1.5)
RECOVERY_SECONDS = 4.0
"""What the estimate takes for a recovery."""


class Round(msgspec.Struct, frozen=True):
    """Faults that come together, after `rest_seconds` in which all was well."""

    faults: tuple[Fault, ...]
    rest_seconds: float


class Plan(msgspec.Struct, frozen=True):
    """All rounds of a run."""

    seed: int
    rounds: tuple[Round, ...]

    @property
    def faults(self) -> list[Fault]:
        """All faults, in their order."""
        return [fault for each in self.rounds for fault in each.faults]

    @property
    def estimated_seconds(self) -> float:
        """About how long the run takes, where recovery is quick."""
        return sum(
            each.rest_seconds + max(fault.seconds for fault in each.faults) + RECOVERY_SECONDS
            for each in self.rounds
        )


def plan_faults(seed: int, count: int, kinds: Sequence[Kind]) -> Plan:
    """Draw `count` faults of these kinds. Each kind comes before any comes again, as far as it may."""
    draw = random.Random(seed)  # noqa: S311 - the same each time
    deck = _deal(draw, kinds)
    scale = 1.0 if count >= LONG_FORM_FAULTS else SHORT_OUTAGE_SECONDS / ROWS[Kind.OUTAGE].seconds[0]
    faults = [_fault(draw, kind, target, scale) for kind, target in (next(deck) for _ in range(count))]
    return Plan(seed, tuple(_rounds(draw, faults)))


def _deal(draw: random.Random, kinds: Sequence[Kind]) -> Iterator[tuple[Kind, str]]:
    """Deal kinds and targets for ever: round after round each kind once, its targets in turn."""
    targets = {kind: _shuffled(draw, ROWS[kind].targets) for kind in kinds}
    turn = 0
    while True:
        for kind in _shuffled(draw, kinds):
            here = targets[kind]
            if turn < len(here) or not ROWS[kind].once:
                yield kind, here[turn % len(here)]
        turn += 1


def _fault(draw: random.Random, kind: Kind, target: str, outage_scale: float) -> Fault:
    row = ROWS[kind]
    seconds = draw.uniform(*row.seconds)
    if kind is Kind.OUTAGE:
        seconds *= outage_scale
    if kind is Kind.STOP and target == SIMULATOR:
        seconds = min(seconds, LONGEST_VPS_STOP_SECONDS)
    return Fault(kind, target, round(seconds, 2), draw.randint(*row.sizes))


def _rounds(draw: random.Random, faults: Sequence[Fault]) -> Iterator[Round]:
    left = list(faults)
    while left:
        together = [left.pop(0)]
        if left and draw.random() < PAIR_CHANCE and not touched(together[0]) & touched(left[0]):
            together.append(left.pop(0))
        yield Round(tuple(together), round(draw.uniform(*REST_SECONDS), 2))


def _shuffled(draw: random.Random, items: Sequence[T]) -> list[T]:
    return draw.sample(list(items), len(items))
