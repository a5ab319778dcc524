"""Scripts: which callbacks follow a message, in which order and when. Pure; `bodies` puts them into words."""

import msgspec

from local_stack.simulator.dice import Dice
from local_stack.simulator.knobs import Knobs
from local_stack.simulator.messages import Message, is_group
from local_stack.simulator.outcomes import ErrorAck, Fate
from local_stack.simulator.readers import Receipt, receipts_of


class Step(msgspec.Struct, frozen=True, gc=False):
    """One callback: what happened `happens_ms` after the write, told `leaves_ms` after it."""

    event: str
    happens_ms: int
    leaves_ms: int
    error: ErrorAck | None = None
    receipt: Receipt | None = None


class Script(msgspec.Struct, frozen=True):
    """The callbacks of one message. Each of `copies` runs through all steps, one after the other."""

    steps: tuple[Step, ...] = ()
    copies: int = 1
    wrong_key: bool = False
    hold: bool = False


NOTHING = Script()


def script_of(knobs: Knobs, dice: Dice, message: Message, fate: Fate, error: ErrorAck | None) -> Script:
    """Write the script of a message whose fate is settled."""
    if knobs.silent or fate in (Fate.SWALLOWED, Fate.NOT_TAKEN):
        return NOTHING
    first_ms = dice.between("callback", knobs.callback_min_ms, knobs.callback_max_ms)
    steps = [
        *_send_steps(knobs, dice, fate, error, first_ms),
        *_reader_steps(knobs, dice, message, fate, first_ms),
    ]
    if not steps:
        return NOTHING
    return Script(
        steps=_disturbed(knobs, dice, steps),
        copies=knobs.copies if dice.hits("duplicate", knobs.duplicate) else 1,
        wrong_key=dice.hits("wrong_key", knobs.wrong_key),
        hold=dice.hits("hold", knobs.hold),
    )


def _send_steps(knobs: Knobs, dice: Dice, fate: Fate, error: ErrorAck | None, first_ms: int) -> list[Step]:
    told_by_answer = knobs.synchronous and not knobs.synchronous_callback
    if fate is Fate.FAILED:
        return [] if told_by_answer else [Step("message_failed", 0, first_ms)]
    later_ms = first_ms + knobs.error_delay_ms
    ack_first = error is not None and dice.hits("error_first", knobs.error_first)
    sent = [] if told_by_answer else [Step("message_sent", 0, later_ms if ack_first else first_ms)]
    if error is None:
        return sent
    ack = Step("message_error", knobs.error_delay_ms, first_ms if ack_first else later_ms, error)
    return [ack, *sent] if ack_first else [*sent, ack]


def _reader_steps(knobs: Knobs, dice: Dice, message: Message, fate: Fate, first_ms: int) -> list[Step]:
    refused = fate is Fate.FAILED or (fate is Fate.REFUSED and not knobs.receipts_after_error)
    if refused or not (knobs.delivered_readers or knobs.read_readers or knobs.reactors):
        return []
    receipts = receipts_of(knobs, dice, message.recipient, group=is_group(message.recipient))
    return [
        Step(receipt.event, first_ms + receipt.after_ms, first_ms + receipt.after_ms, receipt=receipt)
        for receipt in receipts
    ]


def _disturbed(knobs: Knobs, dice: Dice, steps: list[Step]) -> tuple[Step, ...]:
    """Make callbacks late, reversed or lost, and put them in order; equal times keep theirs."""
    if dice.hits("late", knobs.late):
        steps = [_later(step, knobs.late_ms) for step in steps]
    if dice.hits("reorder", knobs.reorder):
        steps = _reversed(steps, dice.between("reorder_ms", 0, knobs.reorder_ms))
    if knobs.drop_callback:
        steps = [step for at, step in enumerate(steps) if not dice.hits(f"drop{at}", knobs.drop_callback)]
    return tuple(sorted(steps, key=lambda step: step.leaves_ms)) if len(steps) > 1 else tuple(steps)


def _reversed(steps: list[Step], wait_ms: int) -> list[Step]:
    times = sorted(step.leaves_ms for step in steps)
    backwards = sorted(steps, key=lambda step: step.leaves_ms)[::-1]
    return [
        msgspec.structs.replace(step, leaves_ms=leaves_ms + wait_ms)
        for step, leaves_ms in zip(backwards, times, strict=True)
    ]


def _later(step: Step, by_ms: int) -> Step:
    return msgspec.structs.replace(step, leaves_ms=step.leaves_ms + by_ms)
