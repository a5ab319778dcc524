"""A group: what the VPS lists of it, and the members that came and went since, in any order."""

from itertools import permutations

from dispatcher.domain.group import (
    INITIAL,
    Command,
    Event,
    FindParent,
    Gone,
    Group,
    Listing,
    Lose,
    MemberMoved,
    Move,
    ParentFound,
    Refuse,
    Refused,
    See,
    Seen,
    decide,
    evolve,
)

TEAM = Listing("Team", 10, is_admin=True, invite_link="https://x/y")


def told(group: Group, *commands: Command) -> tuple[Group, list[Event]]:
    facts: list[Event] = []
    for command in commands:
        for fact in decide(command, group):
            group = evolve(group, fact)
            facts.append(fact)
    return group, facts


def listed(listing: Listing = TEAM, asked_at_ms: int = 100) -> See:
    return See(asked_at_ms + 1, asked_at_ms, listing)


def test_a_list_that_says_the_same_tells_nothing():
    group, facts = told(INITIAL, listed(), listed(asked_at_ms=200))
    assert facts == [Seen(101, 100, TEAM)]
    assert (group.listing, group.member_count, group.sendable) == (TEAM, 10, True)


def test_a_community_parent_keeps_nothing_of_what_was_known():
    group, facts = told(INITIAL, listed(), FindParent(200), FindParent(300), Lose(400), Refuse(500, "420"))
    assert facts[1:] == [ParentFound(200)]
    assert group == Group(parent_since_ms=200)
    assert not group.sendable


def test_a_parent_that_is_listed_as_a_group_again_is_one():
    assert told(INITIAL, FindParent(1), listed())[0].sendable


def test_a_group_that_vanished_is_gone_once_and_back_when_it_is_listed():
    group, facts = told(INITIAL, listed(), Lose(200), Lose(300))
    assert facts[1:] == [Gone(200)]
    assert (group.gone_at_ms, group.listing.name, group.sendable) == (200, "Team", False)
    assert told(group, listed(asked_at_ms=400))[0].sendable


def test_a_group_that_refused_a_message_is_not_sendable_until_it_is_listed_again():
    group, facts = told(INITIAL, listed(), Refuse(200, "Error 420: no"), Refuse(300, "Error 420: no"))
    assert facts[1:] == [Refused(200, "Error 420: no")]
    assert (group.sendable, group.refusal) == (False, "Error 420: no")
    assert told(group, listed(asked_at_ms=400))[0].sendable


def test_an_announcement_group_is_sendable_only_for_an_admin():
    assert told(INITIAL, listed(Listing("News", 5, is_admin=True, is_announce=True)))[0].sendable
    assert not told(INITIAL, listed(Listing("News", 5, is_announce=True)))[0].sendable


def test_joins_and_leaves_change_the_count():
    group, facts = told(INITIAL, listed(), Move(300, "1", True, 200), Move(300, "2", False, 201))
    assert facts[1:] == [MemberMoved(300, "1", True, 200), MemberMoved(300, "2", False, 201)]
    assert group.member_count == 10
    assert told(group, Move(400, "3", True, 202))[0].member_count == 11


def test_the_same_move_from_every_session_counts_once():
    join = Move(300, "1", True, 200)
    group, facts = told(INITIAL, listed(), join, join, join)
    assert (len(facts), group.member_count) == (2, 11)


def test_a_move_before_the_list_was_asked_for_is_in_it():
    assert told(INITIAL, listed(asked_at_ms=100), Move(300, "1", True, 99))[1] == [Seen(101, 100, TEAM)]


def test_the_count_is_the_same_for_every_order_of_the_same_moves():
    moves = [
        Move(900, "1", False, 200),
        Move(900, "1", True, 201),
        Move(900, "1", False, 202),
        Move(900, "2", True, 203),
    ]
    counts = {told(INITIAL, listed(), *order)[0].member_count for order in permutations(moves)}
    assert counts == {10}


def test_a_list_after_moves_that_says_what_they_came_to_tells_nothing():
    group, _ = told(INITIAL, listed(), Move(300, "1", True, 200))
    assert told(group, listed(Listing("Team", 11, True, False, "https://x/y"), 400))[1] == []


def test_a_group_that_is_not_listed_yet_counts_no_members():
    assert told(INITIAL, Move(1, "1", True, 1))[1] == []
