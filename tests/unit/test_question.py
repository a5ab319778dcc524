"""How far an order to verify has come."""

from uuid import UUID

import msgspec

from dispatcher.domain.campaign_commands import Verify
from dispatcher.processes.question import Question
from dispatcher.store.orders import OpenOrder

ORDER = OpenOrder(1, UUID(int=1), Verify(0, "dana"), "story", None, -1)
PART = [("a", 0), ("b", 2), ("c", 3)]


def test_what_was_answered_is_done_up_to_the_first_silence():
    assert Question(-1).asked(PART, set(), 30).done_up_to == 3
    assert Question(-1).asked(PART, {"b"}, 30).done_up_to == 1
    assert Question(-1).asked(PART, {"a", "c"}, 30).done_up_to == -1


def test_the_silent_are_due_after_their_pause_and_those_asked_last_come_last():
    silent = Question(-1).asked(PART, {"a", "b", "c"}, 30)
    assert (silent.due(29, 10), silent.due(30, 2)) == ([], PART[:2])
    again = silent.asked(PART[:1], {"a"}, 60)
    assert (again.due(60, 10), again.next_at_ms) == ([PART[1], PART[2], PART[0]], 30)


def test_nothing_asked_changes_nothing():
    silent = Question(-1).asked(PART, {"b"}, 30)
    assert silent.asked([], set(), 60) == silent


def test_what_another_replica_has_done_meanwhile_is_done():
    further = msgspec.structs.replace(ORDER, done_up_to=2)
    silent = Question(-1).asked(PART, {"a", "c"}, 30)
    assert silent.taken_up(ORDER) == silent
    assert silent.taken_up(further) == Question(3, {("c", 3): 30})
    assert Question(-1).taken_up(further) == Question(2)
