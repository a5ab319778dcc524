"""The turnstile: whatever happens in whatever order, what was answered first is stored first, and nothing is lost."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from webhook_gateway.turnstile import Turnstile, Way

GROUP = 3


class Gateway(RuleBasedStateMachine):
    """A gateway in small: numbered messages go straight to the stream, or to the file and from there to the stream.

    The stream may take a message and its answer be lost: then it is offered again, and known by its number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turnstile = Turnstile(0)
        self.next_number = 0
        self.direct: list[list[int]] = []  # groups on their way to the stream
        self.writing: list[list[int]] = []  # groups on their way to the file
        self.file: list[int] = []
        self.stream: list[int] = []
        self.answered: set[int] = set()
        self.came_after: dict[int, set[int]] = {}
        self.late: list[
            list[int]
        ] = []  # groups in the file, or on their way there, that the stream may have too
        self.draining = False

    @initialize(left=st.integers(0, 5))
    def a_crash_left_some(self, left: int) -> None:
        self.file = [self._new() for _ in range(left)]
        self.answered |= set(self.file)
        self.turnstile = Turnstile(left)

    def _new(self) -> int:
        self.next_number += 1
        self.came_after[self.next_number] = set(self.answered)
        return self.next_number

    def _store(self, number: int) -> None:
        if number not in self.stream:
            self.stream.append(number)

    @rule(size=st.integers(1, GROUP))
    def a_group_comes(self, size: int) -> None:
        way = self.turnstile.way
        if way is Way.WAIT:
            return
        group = [self._new() for _ in range(size)]
        if way is Way.DIRECT:
            self.direct.append(group)
        else:
            self._write(group)

    def _write(self, group: list[int]) -> None:
        self.turnstile.begin_append()
        self.writing.append(group)

    @precondition(lambda self: self.direct)
    @rule(stored=st.integers(0, GROUP), told=st.integers(0, GROUP))
    def the_stream_takes_some_of_a_group_and_tells_of_fewer(self, stored: int, told: int) -> None:
        group = self.direct.pop(0)
        for number in group[:stored]:
            self._store(number)
        known = group[: min(stored, told)]
        self.answered |= set(known)
        if len(known) < len(group):
            self._write(group[len(known) :])

    @precondition(lambda self: self.direct)
    @rule()
    def the_answer_to_a_group_is_late(self) -> None:
        self.late.append(self.direct.pop(0))
        self._write(self.late[-1])

    @precondition(lambda self: self.late and not self.draining and self.late[0] not in self.writing)
    @rule(stored=st.booleans())
    def a_late_answer_comes(self, stored: bool) -> None:
        self.turnstile.end_hand_over()
        group = self.late.pop(0)
        for number in group if stored else ():
            self._store(number)
        removed = [number for number in self.file if stored and number in group]
        self.file = [number for number in self.file if number not in removed]
        self.turnstile.end_drain(len(group), len(removed))

    @precondition(lambda self: self.writing)
    @rule(fails=st.booleans())
    def a_group_is_written(self, fails: bool) -> None:
        group = self.writing.pop(0)
        if not fails:
            self.file += group
            self.answered |= set(group)
        self.turnstile.end_append(0 if fails else len(group))

    @precondition(lambda self: self.file and not self.draining and not self.late)
    @rule()
    def a_drain_begins(self) -> None:
        self.turnstile.begin_drain(GROUP)
        self.draining = True

    @precondition(lambda self: self.draining)
    @rule()
    def a_drain_takes_long(self) -> None:
        self.turnstile.end_hand_over()

    @precondition(
        lambda self: self.draining and (self.turnstile.way is not Way.WAIT or self.turnstile.settled)
    )
    @rule(stored=st.integers(0, GROUP), told=st.integers(0, GROUP))
    def a_drain_ends(self, stored: int, told: int) -> None:
        offered = self.file[:GROUP]
        for number in offered[:stored]:
            self._store(number)
        acknowledged = min(stored, told, len(offered))
        self.turnstile.end_drain(len(offered), acknowledged)
        self.file = self.file[acknowledged:]
        self.draining = False

    @invariant()
    def nothing_that_was_answered_is_lost(self) -> None:
        assert self.answered <= set(self.file) | set(self.stream)

    @invariant()
    def the_count_is_right(self) -> None:
        assert self.turnstile.held == len(self.file)

    @invariant()
    def what_was_answered_before_another_came_is_stored_before_it(self) -> None:
        """A message that lies in the stream may not have overtaken one that was answered before it came."""
        places = {number: place for place, number in enumerate(self.stream)}
        for number, place in places.items():
            for earlier in self.came_after[number]:
                assert places.get(earlier, len(self.stream)) < place

    def teardown(self) -> None:
        """Once all goes well again, everything is in the stream and the way is straight."""
        while self.direct:
            self.the_stream_takes_some_of_a_group_and_tells_of_fewer(GROUP, GROUP)
        while self.writing:
            self.a_group_is_written(fails=False)
        while self.file or self.draining or self.late:
            if self.draining:
                self.a_drain_ends(GROUP, GROUP)
            elif self.late:
                self.a_late_answer_comes(stored=True)
            else:
                self.a_drain_begins()
        assert self.answered <= set(self.stream)
        assert self.turnstile.way is Way.DIRECT


Gateway.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_order_and_acknowledgement = Gateway.TestCase


def test_a_gateway_that_is_never_idle_goes_straight_again():
    turnstile = Turnstile(10)
    turnstile.begin_append()
    assert not turnstile.begin_drain(3)
    turnstile.end_append(1)
    for left in (8, 5, 2):
        turnstile.end_drain(3, 3)
        turnstile.begin_append()
        turnstile.end_append(0)
        assert turnstile.held == left
        assert turnstile.begin_drain(3) == (left <= 3)
    assert turnstile.way is Way.WAIT
    turnstile.end_drain(2, 2)
    assert turnstile.way is Way.DIRECT


def test_a_stream_that_hangs_holds_nobody_up_a_second_time():
    turnstile = Turnstile(1)
    assert not turnstile.begin_drain(3)
    turnstile.end_drain(1, 0)
    assert not turnstile.begin_drain(3)
    assert turnstile.way is Way.SPOOL


def test_what_comes_while_another_is_written_goes_behind_it():
    turnstile = Turnstile(0)
    turnstile.begin_append()
    assert turnstile.way is Way.SPOOL
    turnstile.end_append(0)
    assert turnstile.way is Way.DIRECT
