"""When a session may send, and when to look again."""

from dispatcher.sending.sessions import HeldSession, HeldSessions


def held(**given: object) -> HeldSession:
    return HeldSession(**{"token": 1, "valid_until": 100.0, **given})


def test_a_session_may_send_when_its_gap_is_over_a_lane_is_free_and_its_lease_holds():
    assert held(ready_at=10.0).may_send(10.0, 1)
    assert not held(ready_at=10.0).may_send(9.9, 1)
    assert not held(in_flight=1).may_send(10.0, 1)
    assert held(in_flight=1).may_send(10.0, 2)
    assert not held().may_send(100.0, 1)


def test_where_nothing_was_due_it_is_looked_at_again_when_something_is():
    session = held(look=False, next_due=20.0)
    assert not session.may_send(19.9, 1)
    assert session.may_send(20.0, 1)
    assert not held(look=False).may_send(99.0, 1)


def test_it_wakes_for_the_gap_or_for_what_is_due_and_not_while_its_lanes_are_taken():
    assert held(ready_at=12.0).wakes_at(1) == 12.0
    assert held(look=False, next_due=20.0).wakes_at(1) == 20.0
    assert held(look=False).wakes_at(1) is None
    assert held(ready_at=12.0, in_flight=1).wakes_at(1) is None


def test_the_sender_wakes_for_the_first_of_its_sessions():
    sessions = HeldSessions(1)
    assert sessions.wakes_at() is None
    sessions.by_id = {"a": held(ready_at=12.0), "b": held(look=False, next_due=11.0), "c": held(look=False)}
    assert sessions.wakes_at() == 11.0


def test_keeping_drops_what_is_no_longer_held_and_starts_anew_what_changed_hands():
    sessions = HeldSessions(1)
    sessions.add({"a": 1, "b": 1, "c": 1}, 50.0, ready_at=7.0)
    sessions.keep({"a": 1, "b": 2}, 60.0)
    assert sessions.by_id["a"] == held(valid_until=60.0, ready_at=7.0)
    assert sessions.by_id["b"] == held(token=2, valid_until=60.0)
    assert "c" not in sessions.by_id
