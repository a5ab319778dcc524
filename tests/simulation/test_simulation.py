"""Whatever goes wrong, in whatever order: nothing is lost, nothing leaves twice, every status is true.

Each seed is a world of its own. `pytest --seed 4711 tests/simulation` runs one again; `SEEDS=5000` runs more of them.
"""

import itertools
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from dispatcher.sending import claim
from simulation.broker import BrokerFaults
from simulation.invariants import broken
from simulation.scenario import ADDRESSES, Plan, Scenario, scenario_of
from simulation.seeds import be_quiet, failing
from simulation.statements import MEANINGS
from simulation.store import NoMeaning, StoreFaults
from simulation.vps import Build, VpsFaults
from simulation.world import simulate

SEEDS = int(os.environ.get("SEEDS", "200"))
MANY, PROCESSES = 1000, os.cpu_count() or 1
"""More seeds than that are shared out over all processors."""
SHOWN = 5
"""So many seeds may fail before the rest is left."""
TESTS = Path(__file__).parents[1]
FIRST = int(os.environ.get("FIRST_SEED", "1"))


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    be_quiet()
    yield
    logging.disable(logging.NOTSET)


def test_every_seed_comes_to_rest_with_nothing_lost_nothing_twice_and_every_status_true(
    pytestconfig: pytest.Config,
) -> None:
    given = pytestconfig.getoption("--seed")
    seeds = range(FIRST, FIRST + SEEDS) if given is None else [given]
    found = itertools.islice(failing(seeds, PROCESSES if len(seeds) > MANY else 1), SHOWN)
    told = [f"seed {seed}: {'; '.join(wrong[:5])}" for seed, wrong in found]
    assert not told, "\n".join(["again with `pytest tests/simulation --seed N`:", *told])


def test_a_failure_that_names_nobody_and_comes_again_fails_nothing_else(pytestconfig: pytest.Config) -> None:
    """Where each callback comes twice and campaigns take turns at the same groups, within the clocks' uncertainty."""
    given = pytestconfig.getoption("--seed")
    seeds = range(FIRST, FIRST + SEEDS // 10) if given is None else [given]
    assert [seed for seed in seeds if broken(simulate(seed, doubled_failures(Random(seed))))] == []


def doubled_failures(random: Random) -> Scenario:
    """Return a scenario where nothing goes wrong but that; the VPS says of no callback whose it is."""
    return msgspec.structs.replace(
        taking_turns(random),
        build=Build(echoes_reference=False, keeps_message_ids=False),
        vps=VpsFaults(failed=0.4),
        broker=BrokerFaults(doubled=1.0, delayed=0.5, delay_seconds=3.0),
        max_attempts=4,
    )


def taking_turns(random: Random) -> Scenario:
    """Return a scenario of three campaigns to the same groups, and one dispatcher that lives."""
    plans = [Plan("wa_1", ADDRESSES[:2], "normal", at_seconds, None) for at_seconds in (0.0, 1.0, 2.0)]
    return msgspec.structs.replace(
        scenario_of(random),
        store=StoreFaults(),
        plans=tuple(plans),
        replicas=1,
        deaths=(),
        vps_restarts=(),
    )


def test_a_vps_that_sends_what_it_denied_leaves_no_id_to_two_messages(pytestconfig: pytest.Config) -> None:
    """A look-up takes its id for another's, until a late callback says whose it is."""
    given = pytestconfig.getoption("--seed")
    seeds = range(FIRST, FIRST + SEEDS // 10) if given is None else [given]
    assert [seed for seed in seeds if broken(simulate(seed, late_and_denied(Random(seed))))] == []


def late_and_denied(random: Random) -> Scenario:
    """Return a scenario of a VPS with ids of its own that keeps messages for longer than the deadline."""
    return msgspec.structs.replace(
        taking_turns(random),
        build=Build(keeps_message_ids=False),
        vps=VpsFaults(forgotten=0.3, slow=0.4, slow_seconds=45.0, callback_lost=0.1),
        broker=BrokerFaults(delayed=0.5, delay_seconds=60.0),
        max_attempts=3,
    )


def test_what_a_vps_has_forgotten_does_not_leave_twice_though_look_ups_fail_singly(
    pytestconfig: pytest.Config,
) -> None:
    """Where an earlier message is known to have left: it was not sent again itself."""
    given = pytestconfig.getoption("--seed")
    seeds = range(FIRST, FIRST + SEEDS // 10) if given is None else [given]
    worlds = {seed: simulate(seed, forgetful_and_hard_to_reach(Random(seed))) for seed in seeds}
    assert [seed for seed, world in worlds.items() if broken(world)] == []
    sent = {seed: Counter(job.recipient for job in world.vps.jobs) for seed, world in worlds.items()}
    known = [seed for seed in seeds if sent[seed][ADDRESSES[0]] == 1]
    assert [seed for seed in known if sent[seed].total() > len(ADDRESSES)] == []


def forgetful_and_hard_to_reach(random: Random) -> Scenario:
    """Return a scenario of a VPS that restarts after all has left and before anything is looked up."""
    earlier, later = (ADDRESSES[:1], 0.0), (ADDRESSES[1:], 5.0)
    return msgspec.structs.replace(
        taking_turns(random),
        build=Build(),
        vps=VpsFaults(callback_lost=0.5, unreachable=0.5),
        broker=BrokerFaults(),
        plans=tuple(Plan("wa_1", jids, "normal", at_seconds, None) for jids, at_seconds in (earlier, later)),
        policy="hold",
        max_attempts=4,
        vps_restarts=(15.0,),
    )


def test_a_statement_without_a_meaning_fails_at_once_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MEANINGS, claim._HEADS.text)
    with pytest.raises(NoMeaning, match="FROM campaign_status c\n"):
        simulate(1)


TRACE = """
import hashlib, logging
from simulation.world import simulate
logging.disable(logging.CRITICAL)
events = simulate(7).store.events.values()
print(len(events), hashlib.sha256(b"".join(event.stream.encode() + event.data for event in events)).hexdigest())
"""


def test_a_seed_replays_exactly_in_another_process() -> None:
    traces = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-c", TRACE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        traces.add(done.stdout)
    [trace] = traces
    assert int(trace.split()[0]) > 10
