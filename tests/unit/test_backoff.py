"""When a message is tried again: doubling, jittered, and the same answer for the same attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.backoff import RetryPolicy, jitter_of, retry_at_ms

FAILED_AT_MS = 1_700_000_000_000
MINUTE_MS = 60_000

ids = st.uuids().map(str)


def test_the_waits_are_1_2_4_8_and_16_minutes_and_the_last_one_stays():
    policy = RetryPolicy(max_attempts=8, jitter=0.0)
    waits = [retry_at_ms(policy, attempt, "a", FAILED_AT_MS) for attempt in range(1, 8)]
    assert [(at - FAILED_AT_MS) // MINUTE_MS for at in waits if at] == [1, 2, 4, 8, 16, 16, 16]


def test_five_attempts_in_all_and_none_after_the_fifth():
    waits = [retry_at_ms(RetryPolicy(), attempt, "a", FAILED_AT_MS) for attempt in range(1, 7)]
    assert [at is not None for at in waits] == [True, True, True, True, False, False]


def test_without_waits_nothing_is_tried_again():
    assert retry_at_ms(RetryPolicy(()), 1, "a", FAILED_AT_MS) is None


@given(ids, st.integers(1, 4))
def test_the_jitter_stays_within_a_fifth(attempt_id: str, attempt: int):
    at_ms = retry_at_ms(RetryPolicy(), attempt, attempt_id, FAILED_AT_MS)
    assert at_ms is not None
    wait_ms = 2 ** (attempt - 1) * MINUTE_MS
    assert 0.8 * wait_ms - 1 <= at_ms - FAILED_AT_MS <= 1.2 * wait_ms


@given(ids)
def test_the_same_attempt_always_has_the_same_jitter(attempt_id: str):
    assert jitter_of(attempt_id, 0.2) == jitter_of(attempt_id, 0.2)


def test_the_jitter_spreads_over_its_whole_width():
    drawn = [jitter_of(f"attempt {number}", 0.2) for number in range(2_000)]
    assert min(drawn) < 0.81
    assert max(drawn) > 1.19
    assert sum(drawn) / len(drawn) == pytest.approx(1, abs=0.01)
