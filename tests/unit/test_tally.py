"""Totals are differences added up: adding them recipient by recipient counts what stands there."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.status import OPEN, SUCCEEDED, Status
from dispatcher.domain.tally import Tally, move

statuses = st.sampled_from(list(Status))


def test_each_status_is_counted_in_one_sum_at_the_most():
    one_each = Tally(**{status.value: 1 for status in Status})
    assert (one_each.total, one_each.open, one_each.succeeded) == (len(Status), 3, 3)
    assert OPEN.isdisjoint(SUCCEEDED)


def test_no_difference_is_the_same_totals():
    tally = Tally(sent=2)
    assert tally.plus({}) is tally
    assert tally.plus({Status.SENT: 0}) is tally


def test_a_step_there_and_back_is_no_difference():
    differences: dict[Status, int] = {}
    move(differences, Status.QUEUED, Status.PROCESSING)
    move(differences, Status.PROCESSING, Status.QUEUED)
    tally = Tally(queued=1)
    assert tally.plus(differences) is tally


@given(st.lists(st.lists(statuses, min_size=1, max_size=6), max_size=8))
def test_differences_add_up_to_what_stands_in_the_end(ways: list[list[Status]]):
    differences: dict[Status, int] = {}
    for way in ways:
        for before, after in zip([None, *way], way, strict=False):
            move(differences, before, after)
    ends = Counter(way[-1].value for way in ways)
    assert Tally().plus(differences) == Tally(**ends)
