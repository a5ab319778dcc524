"""The plan of faults: the same for a seed, whole, fair, and never more than what is allowed."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from local_stack.fault.kinds import (
    ACK_WAIT_SECONDS,
    DEADLINE_SECONDS,
    GATEWAY,
    LEASE_SECONDS,
    LONGEST_VPS_STOP_SECONDS,
    ROWS,
    SIMULATOR,
    SPOOLED_LINK,
    Fault,
    Kind,
    touched,
)
from local_stack.fault.plan import LONG_FORM_FAULTS, plan_faults
from local_stack.fault.setting import Size, gap_ms

some = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32)
counts = st.integers(1, 150)
some_kinds = st.lists(
    st.sampled_from([kind for kind in Kind if kind is not Kind.OUTAGE]), min_size=1, unique=True
)


@some
@given(seeds, counts)
def test_a_seed_gives_the_same_plan_each_time(seed: int, count: int) -> None:
    assert plan_faults(seed, count, tuple(Kind)) == plan_faults(seed, count, tuple(Kind))


@some
@given(seeds, counts, some_kinds)
def test_as_many_faults_are_planned_as_were_asked_for_and_only_of_kinds_that_can_be(
    seed: int, count: int, kinds: list[Kind]
) -> None:
    faults = plan_faults(seed, count, kinds).faults
    assert len(faults) == count
    assert {fault.kind for fault in faults} <= set(kinds)


@some
@given(seeds, counts)
def test_each_fault_is_as_its_row_allows(seed: int, count: int) -> None:
    for fault in plan_faults(seed, count, tuple(Kind)).faults:
        row = ROWS[fault.kind]
        assert fault.target in row.targets
        assert row.sizes[0] <= fault.size <= row.sizes[1]
        assert 0 <= fault.seconds <= row.seconds[1]


@some
@given(seeds, counts)
def test_faults_at_the_same_time_work_on_different_parts(seed: int, count: int) -> None:
    for each in plan_faults(seed, count, tuple(Kind)).rounds:
        parts = [part for fault in each.faults for part in touched(fault)]
        assert len(parts) == len(set(parts))


@some
@given(seeds)
def test_fifteen_faults_show_every_kind(seed: int) -> None:
    assert {fault.kind for fault in plan_faults(seed, 15, tuple(Kind)).faults} == set(Kind)


@some
@given(seeds)
def test_the_long_form_hits_every_process_and_every_connection_and_holds_both_servers_down_for_a_minute(
    seed: int,
) -> None:
    faults = plan_faults(seed, LONG_FORM_FAULTS, tuple(Kind)).faults
    hit = {fault.target for fault in faults if fault.kind in (Kind.KILL, Kind.CUT)}
    down = Counter((fault.target, fault.seconds) for fault in faults if fault.kind is Kind.OUTAGE)
    assert hit == {*ROWS[Kind.KILL].targets, *ROWS[Kind.CUT].targets}
    assert down == {("nats", 60.0): 1, ("postgres", 60.0): 1}


@some
@given(seeds)
def test_a_stopped_process_is_away_for_longer_than_its_lease_and_a_stopped_vps_for_less_than_the_deadline(
    seed: int,
) -> None:
    stops = [fault for fault in plan_faults(seed, 200, tuple(Kind)).faults if fault.kind is Kind.STOP]
    for fault in stops:
        assert fault.seconds > max(LEASE_SECONDS, ACK_WAIT_SECONDS)
        assert fault.target != SIMULATOR or fault.seconds <= LONGEST_VPS_STOP_SECONDS < DEADLINE_SECONDS


@some
@given(st.integers(1, 10_000), st.integers(1, 100), st.floats(0, 3600))
def test_the_campaign_would_be_through_before_the_faults_are(
    recipients: int, sessions: int, seconds: float
) -> None:
    size = Size(recipients, sessions)
    messages = -(-recipients // sessions)
    assert gap_ms(size, seconds) * messages <= max(1000 * seconds, 20 * messages)


def test_nothing_else_works_on_the_line_while_which_is_silent_the_spools_disk_is_full() -> None:
    full = Fault(Kind.DISK_FULL, GATEWAY, 2.0)
    assert touched(full) & touched(Fault(Kind.DELAY, SPOOLED_LINK, 2.0, 300))
