"""The demo's plan: who is treated how."""

import random
from collections import Counter

import msgspec

from local_stack.demo.cases import CASES, NO_TROUBLE, with_rest
from local_stack.demo.plan import campaign_of, jid_of, plan_targets, recipient_of
from local_stack.simulator.knobs import Knobs

SESSIONS = ("wa_a", "wa_b", "wa_c", "wa_d")
PLANNED = with_rest(CASES, 200)


def plan(seed=1):
    return plan_targets(PLANNED, SESSIONS, random.Random(seed))


def test_all_messages_are_dealt_and_nobody_gets_two():
    assert len({target.jid for target in plan()}) == 200


def test_each_case_meets_as_many_messages_as_it_says():
    dealt = Counter(target.case.words for target in plan())
    assert dealt == {case.words: case.count for case in PLANNED}


def test_most_messages_of_the_demo_meet_no_trouble():
    assert PLANNED[0].words == NO_TROUBLE
    assert PLANNED[0].count > 100


def test_each_session_sends_the_same_number():
    assert Counter(target.session_id for target in plan()) == dict.fromkeys(SESSIONS, 50)


def test_the_same_seed_deals_in_the_same_way():
    assert plan(seed=3) == plan(seed=3)
    assert plan(seed=3) != plan(seed=4)


def test_the_simulator_has_all_the_knobs_that_the_cases_turn():
    for case in CASES:
        assert msgspec.convert(case.knobs, Knobs)


def test_a_campaign_names_the_recipients_of_its_session_only():
    targets = plan()
    campaign = campaign_of("wa_b", targets, "Hello")
    named = [jid_of(one.group_jid or one.phone) for one in campaign.recipients]
    assert named == [target.jid for target in targets if target.session_id == "wa_b"]


def test_a_group_is_named_by_its_jid_and_a_person_by_the_phone():
    assert recipient_of("120363000000000001@g.us").group_jid == "120363000000000001@g.us"
    assert recipient_of("972500000003@s.whatsapp.net").phone == "+972500000003"
