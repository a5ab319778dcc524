"""Whose turn it is on a session: high priority first, a share kept for normal, campaigns in turns."""

from itertools import pairwise
from uuid import UUID

from dispatcher.domain.backoff import draw_of
from dispatcher.sending.claim import Waiting, choose
from dispatcher.sending.sessions import HeldSession

HIGH, OTHER_HIGH, NORMAL, OTHER_NORMAL = (UUID(int=number) for number in range(1, 5))
PRIORITIES = {HIGH: "high", OTHER_HIGH: "high", NORMAL: "normal", OTHER_NORMAL: "normal"}
SHARE = 5


def head(campaign_id: UUID, due_at_ms: int = 0) -> Waiting:
    return Waiting("wa_x", campaign_id, f"{campaign_id.int}@g.us", due_at_ms, PRIORITIES[campaign_id], None)


def turns(count: int, *campaigns: UUID) -> list[UUID]:
    """Return who is served, one after the other, while these campaigns always have something due."""
    held, served, order = HeldSession(1, 0.0), {}, []
    for number in range(count):
        first = held.turn(SHARE)
        [chosen] = choose([head(campaign) for campaign in campaigns], 1, served, first=first)
        served[chosen.campaign_id] = number + 1
        held.note(chosen.priority)
        order.append(chosen.campaign_id)
    return order


def test_one_in_five_is_kept_for_normal_priority():
    order = turns(20, HIGH, NORMAL)
    assert [place for place, campaign in enumerate(order) if campaign == NORMAL] == [4, 9, 14, 19]


def test_without_high_priority_normal_has_all_and_the_other_way_round():
    assert set(turns(10, NORMAL)) == {NORMAL}
    assert set(turns(10, HIGH)) == {HIGH}


def test_campaigns_of_one_priority_take_turns():
    order = turns(20, HIGH, OTHER_HIGH, NORMAL, OTHER_NORMAL)
    assert [order.count(campaign) for campaign in (HIGH, OTHER_HIGH, NORMAL, OTHER_NORMAL)] == [8, 8, 2, 2]
    highs = [campaign for campaign in order if PRIORITIES[campaign] == "high"]
    assert all(one != other for one, other in pairwise(highs))


def test_the_draw_is_the_same_for_one_attempt_and_spread_over_many():
    draws = [draw_of(f"attempt {number}") for number in range(1000)]
    assert draws == [draw_of(f"attempt {number}") for number in range(1000)]
    assert 0 <= min(draws) < 0.02
    assert 0.98 < max(draws) <= 1
    assert 0.45 < sum(draws) / len(draws) < 0.55
