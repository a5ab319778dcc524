"""The simulator's pure core: dice, plans, scripts, and its documentation."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.simulator.behaviour import Behaviour, while_misbehaving
from local_stack.simulator.descriptions import described
from local_stack.simulator.dice import Dice
from local_stack.simulator.knob_table import knob_table
from local_stack.simulator.knobs import CHANCES, Knobs
from local_stack.simulator.messages import Message
from local_stack.simulator.outcomes import TAKES, TROUBLES, AnswerKind, Fate, plan
from local_stack.simulator.script import script_of

MANUAL = Path(__file__).parents[2] / "deploy/local/SIMULATOR.md"


def dice(place: object = 0, seed: int = 1) -> Dice:
    return Dice(seed, str(place))


def message(recipient: str = "1203-1@g.us") -> Message:
    return Message(session_id="wa_x", recipient=recipient, message_id="3EB0", text="hello")


def test_a_draw_is_the_same_for_the_same_seed_place_and_purpose_only() -> None:
    draws = {dice(place, seed).fraction(purpose) for place in "ab" for seed in (1, 2) for purpose in "xy"}

    assert len(draws) == 8
    assert dice("a").fraction("x") == dice("a").fraction("x")
    assert all(0 <= draw < 1 for draw in draws)


@pytest.mark.parametrize(("chance", "lowest", "highest"), [(0, 0, 0), (0.25, 200, 300), (1, 1000, 1000)])
def test_a_chance_comes_true_as_often_as_it_says(chance: float, lowest: int, highest: int) -> None:
    assert lowest <= sum(dice(at).hits("purpose", chance) for at in range(1000)) <= highest


def test_a_range_is_drawn_with_both_its_ends() -> None:
    assert {dice(at).between("purpose", 3, 6) for at in range(200)} == {3, 4, 5, 6}


def test_turning_one_knob_leaves_the_draws_of_another_alone() -> None:
    def failing(knobs: Knobs) -> list[bool]:
        return [plan(knobs, dice(at)).fate is Fate.FAILED for at in range(100)]

    assert failing(Knobs(fail=0.3)) == failing(Knobs(fail=0.3, error_ack=0.5, early=0.5, queue_max_ms=50))


@pytest.mark.parametrize("kind", TROUBLES)
def test_each_trouble_is_brought_about_by_the_knob_of_its_name(kind: AnswerKind) -> None:
    planned = plan(Knobs(**{kind: 1.0}), dice())

    assert planned.answer is kind
    assert (planned.fate is Fate.NOT_TAKEN) == (kind not in TAKES)


def test_the_chances_of_several_answers_are_shared_out() -> None:
    knobs = Knobs(refuse_503=0.5, reject=0.5)
    kinds = [plan(knobs, dice(at)).answer for at in range(1000)]

    assert set(kinds) == {AnswerKind.REFUSE_503, AnswerKind.REJECT}
    assert 400 < kinds.count(AnswerKind.REJECT) < 600


def test_only_first_calms_every_chance_and_nothing_else() -> None:
    knobs = Knobs(**dict.fromkeys(CHANCES, 1.0), only_first=2, callback_max_ms=77)

    assert while_misbehaving(knobs, 2) == knobs
    assert while_misbehaving(knobs, 3) == Knobs(only_first=2, callback_max_ms=77)


def test_the_callbacks_of_a_script_leave_in_order() -> None:
    knobs = Knobs(delivered_readers=5, read_readers=5, reactors=5, late=0.5, reorder=0.5, drop_callback=0.2)
    for at in range(50):
        leaves = [step.leaves_ms for step in script_of(knobs, dice(at), message(), Fate.WRITTEN, None).steps]
        assert leaves == sorted(leaves)


def test_reordered_messages_wait_differently_long_so_that_they_overtake_each_other() -> None:
    knobs = Knobs(reorder=1, reorder_ms=200, callback_min_ms=0, callback_max_ms=0)
    scripts = [script_of(knobs, dice(at), message(), Fate.WRITTEN, None) for at in range(50)]

    waits = [script.steps[0].leaves_ms for script in scripts]
    assert waits != sorted(waits)
    assert 0 <= min(waits) < 50 < 150 < max(waits) <= 200


@given(
    knobs=st.fixed_dictionaries({name: st.sampled_from([0.0, 0.5, 1.0]) for name in CHANCES}),
    synchronous=st.booleans(),
    at=st.integers(0, 1000),
)
def test_a_script_never_contradicts_the_fate_of_its_message(
    knobs: dict[str, float], synchronous: bool, at: int
) -> None:
    turned = Knobs(**(knobs | {"drop_callback": 0.0}), synchronous=synchronous, delivered_readers=2)
    planned = plan(turned, dice(at))
    events = [
        step.event for step in script_of(turned, dice(at), message(), planned.fate, planned.error).steps
    ]

    told_sent = planned.fate in (Fate.WRITTEN, Fate.REFUSED) and not synchronous
    told_failed = planned.fate is Fate.FAILED and not synchronous
    assert events.count("message_sent") == told_sent
    assert events.count("message_failed") == told_failed
    assert events.count("message_error") == (planned.fate is Fate.REFUSED)
    assert events.count("delivered") == (2 if planned.fate is Fate.WRITTEN else 0)


def test_a_late_callback_tells_the_time_at_which_it_happened() -> None:
    [step] = script_of(Knobs(late=1, late_ms=9_000), dice(), message(), Fate.WRITTEN, None).steps

    assert (step.happens_ms, step.leaves_ms >= 9_000) == (0, True)


def test_knobs_of_a_recipient_follow_a_later_change_of_the_defaults() -> None:
    behaviour = Behaviour(Knobs())
    behaviour.set_recipients(["r"], {"late": 1.0}, keep=False)
    assert behaviour.of_message("s", "r") == Knobs(late=1.0)
    behaviour.set_defaults({"fail": 1.0}, keep=True)
    assert behaviour.of_message("s", "r") == Knobs(late=1.0, fail=1.0)


def test_every_knob_is_described_and_the_manual_shows_them_as_they_are() -> None:
    assert [knob.name for knob in described()] == list(Knobs.__struct_fields__)
    assert knob_table() in MANUAL.read_text()
