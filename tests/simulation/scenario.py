"""What one seed decides: what the VPS can do, what goes wrong and how often, who sends what to whom, and when."""

from random import Random
from typing import Literal, TypeVar

import msgspec

from simulation.broker import BrokerFaults
from simulation.store import StoreFaults
from simulation.vps import Build, VpsFaults

T = TypeVar("T")

TROUBLE_SECONDS = 150.0
"""So long things go wrong; what is left is settled in peace."""


class Plan(msgspec.Struct, frozen=True):
    """One campaign."""

    session_id: str
    recipients: tuple[str, ...]
    priority: str
    at_seconds: float
    paused_at: float | None


class Scenario(msgspec.Struct, frozen=True):
    """Everything that a seed decides beforehand; what happens to each message it decides on the way."""

    build: Build
    vps: VpsFaults
    broker: BrokerFaults
    store: StoreFaults
    plans: tuple[Plan, ...]
    policy: Literal["hold", "resend"]
    max_attempts: int
    lanes: int
    skew_ms: int
    replicas: int
    deaths: tuple[float, ...]
    vps_restarts: tuple[float, ...]


def scenario_of(random: Random) -> Scenario:
    """Draw a scenario."""
    return Scenario(
        build=_build(random),
        vps=_vps(random),
        broker=BrokerFaults(
            delayed=_part(random),
            delay_seconds=random.choice((5.0, 30.0, 90.0)),
            doubled=_part(random),
            ack_lost=_part(random),
            timed_out_but_stored=_part(random),
        ),
        store=StoreFaults(rolled_back=_part(random) / 3, commit_unknown=_part(random) / 3),
        plans=tuple(_plan(random) for _ in range(random.randint(1, 3))),
        policy=random.choice(("hold", "hold", "resend")),
        max_attempts=random.randint(1, 4),
        lanes=random.choice((1, 1, 2)),
        skew_ms=random.randint(-1000, 1000),
        replicas=random.choice((1, 1, 2)),
        deaths=_times(random),
        vps_restarts=_times(random),
    )


def _build(random: Random) -> Build:
    return Build(
        echoes_reference=random.random() < 0.7,
        keeps_message_ids=random.random() < 0.7,
        looks_up=random.random() < 0.8,
        idempotent=random.random() < 0.5,
        answers_with_id=random.random() < 0.2,
        seconds_only=random.random() < 0.3,
    )


def _vps(random: Random) -> VpsFaults:
    return VpsFaults(
        refused=_part(random),
        rejected=_part(random) / 3,
        answer_lost=_part(random),
        request_lost=_part(random),
        slow=_part(random),
        slow_seconds=random.choice((5.0, 45.0)),
        forgotten=_part(random) / 2,
        failed=_part(random),
        error_acked=_part(random),
        callback_lost=_part(random),
        receipt=0.7,
        unreachable=_part(random),
    )


def _plan(random: Random) -> Plan:
    return Plan(
        session_id=random.choice(("wa_1", "wa_2")),
        recipients=tuple(random.sample(ADDRESSES, random.randint(1, 4))),
        priority=random.choice(("high", "normal")),
        at_seconds=random.random() * 30,
        paused_at=random.random() * 50 if random.random() < 0.2 else None,
    )


ADDRESSES = tuple(f"1203630{number:011}@g.us" for number in range(1, 6))


def _part(random: Random) -> float:
    """Return how often something happens: never, seldom, or often."""
    return random.choice((0.0, 0.0, 0.05, 0.3))


def _times(random: Random) -> tuple[float, ...]:
    return tuple(sorted(random.random() * TROUBLE_SECONDS for _ in range(random.choice((0, 0, 1, 2)))))
