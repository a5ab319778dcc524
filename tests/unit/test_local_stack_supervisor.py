"""Supervision: what dies comes back, with patience, and each step is told once."""

from itertools import pairwise

import pytest

from local_stack.children import StartError
from local_stack.claim import ClaimedError, claim
from local_stack.supervisor import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, Watch, describe_end, supervise


class StubChild:
    name = "gateway"
    pid = 7
    is_running = True
    exit_code = None


class StubPart:
    """A part whose life the test decides."""

    def __init__(self):
        self.child = StubChild()
        self.ready = True
        self.launches = []
        self.failure = None

    def start(self):
        raise AssertionError("supervision does not wait")

    def launch(self):
        self.launches.append(True)
        if self.failure:
            raise self.failure
        self.child.is_running = True

    def is_ready(self):
        return self.ready

    def die(self, exit_code=-9):
        self.child.is_running = False
        self.child.exit_code = exit_code
        self.ready = False


@pytest.fixture
def part():
    return StubPart()


@pytest.fixture
def watch(part):
    return Watch(part)


def test_a_part_that_runs_is_left_alone(part, watch):
    assert watch.look(100.0) is None
    assert part.launches == []


def test_a_part_that_was_killed_is_started_again_at_once(part, watch):
    part.die()
    assert watch.look(100.0) == "gateway was ended by SIGKILL; starting it again"
    assert len(part.launches) == 1


def test_it_is_told_to_be_back_once_when_it_is_ready(part, watch):
    part.die()
    watch.look(100.0)
    assert watch.look(100.1) is None
    part.ready = True
    assert watch.look(100.2) == "gateway is back (process 7)"
    assert watch.look(100.3) is None


def test_a_part_that_keeps_dying_is_started_less_and_less_often(part, watch):
    starts = []
    for tenth in range(3000):
        part.die(1)
        before = len(part.launches)
        watch.look(100 + tenth / 10)
        starts += [tenth / 10] * (len(part.launches) - before)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[0] >= FIRST_DELAY_SECONDS
    assert gaps[-1] == pytest.approx(LONGEST_DELAY_SECONDS, abs=0.2)
    assert all(later > earlier - 0.2 for earlier, later in pairwise(gaps))


def test_after_a_calm_time_it_is_started_at_once_again(part, watch):
    part.die()
    watch.look(100.0)
    part.ready = True
    watch.look(101.0)
    watch.look(200.0)
    part.die()
    assert "starting it again" in watch.look(200.1)


def test_a_part_that_cannot_start_is_told_and_tried_again(part, watch):
    part.die()
    part.failure = StartError("no room")
    assert watch.look(100.0) == "gateway does not start: no room"
    part.failure = None
    assert "starting it again" in watch.look(110.0)


def test_a_round_says_when_something_came_back(part):
    watches, said = [Watch(part)], []
    part.die()
    assert not supervise(watches, 100.0, said.append)
    part.ready = True
    assert supervise(watches, 100.1, said.append)
    assert len(said) == 2


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(-9, "was ended by SIGKILL"), (3, "ended with exit code 3"), (None, "has not started")],
)
def test_an_end_is_told_in_words(exit_code, words):
    assert describe_end(exit_code) == words


def test_a_folder_can_be_claimed_once_and_again_after_its_release(tmp_path):
    with claim(tmp_path), pytest.raises(ClaimedError, match="stop it first"), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass
