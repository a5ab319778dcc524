"""The keeper starts again what ended by itself, and leaves down what a fault holds down."""

import pytest

from local_stack.children import StartError
from local_stack.fault.keeper import Keeper


class StubChild:
    exit_code = 1

    def __init__(self) -> None:
        self.is_running = True


class StubPart:
    """A part whose life the test decides."""

    def __init__(self) -> None:
        self.child = StubChild()
        self.launches = 0
        self.failure: StartError | None = None

    def launch(self) -> None:
        self.launches += 1
        if self.failure:
            raise self.failure
        self.child.is_running = True

    def die(self) -> None:
        self.child.is_running = False


@pytest.fixture
def part() -> StubPart:
    return StubPart()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def keeper(part: StubPart, said: list[str]) -> Keeper:
    return Keeper({"gateway": part}, said.append)


def test_what_runs_is_left_alone(part: StubPart, keeper: Keeper) -> None:
    keeper.look()
    assert part.launches == 0


def test_what_ended_by_itself_is_started_again_and_counted(
    part: StubPart, keeper: Keeper, said: list[str]
) -> None:
    part.die()
    keeper.look()
    assert (part.launches, keeper.ended) == (1, {"gateway": 1})
    assert said == ["gateway ended with exit code 1 by itself; starting it again"]


def test_what_ends_again_at_once_is_given_a_pause(part: StubPart, keeper: Keeper) -> None:
    for _ in range(3):
        part.die()
        keeper.look()
    assert part.launches == 1


def test_what_a_fault_holds_stays_down_until_it_is_released(part: StubPart, keeper: Keeper) -> None:
    keeper.hold("gateway")
    part.die()
    keeper.look()
    assert part.launches == 0
    keeper.release("gateway")
    assert (part.launches, keeper.ended) == (1, {})


def test_what_does_not_start_is_tried_again_later(part: StubPart, keeper: Keeper, said: list[str]) -> None:
    part.failure = StartError("no room")
    part.die()
    keeper.look()
    assert said[-1] == "gateway does not start yet: no room"
    assert not part.child.is_running
