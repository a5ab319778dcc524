"""Outcomes: what shall become of one `/send`. Pure; `machine` carries the plan out."""

from enum import StrEnum

import msgspec

from local_stack.simulator.dice import Dice
from local_stack.simulator.knobs import Knobs


class AnswerKind(StrEnum):
    """How a `/send` is answered; most are named as the knob that brings them about."""

    ACCEPT = "accept"
    SYNCHRONOUS = "synchronous"
    LOSE_ANSWER = "lose_answer"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    REFUSE_400 = "refuse_400"
    REFUSE_401 = "refuse_401"
    REFUSE_429 = "refuse_429"
    REFUSE_503 = "refuse_503"
    PROXY_502_BEFORE = "proxy_502_before"
    PROXY_502_AFTER = "proxy_502_after"
    REJECT = "reject"
    UNREADABLE = "unreadable"


class Fate(StrEnum):
    """What becomes of a message that was asked for."""

    NOT_TAKEN = "not_taken"
    WRITTEN = "written"
    REFUSED = "refused"
    """Written, then refused by WhatsApp with an error ack."""
    FAILED = "failed"
    SWALLOWED = "swallowed"


class ErrorAck(msgspec.Struct, frozen=True):
    """Why WhatsApp refused a written message."""

    code: int
    message: str


class Plan(msgspec.Struct, frozen=True):
    """The whole plan for one `/send`; `error` is there when the fate is `refused`."""

    answer: AnswerKind
    fate: Fate
    queue_ms: int = 0
    early: bool = False
    error: ErrorAck | None = None


TROUBLES = (
    AnswerKind.RESET_BEFORE,
    AnswerKind.REFUSE_400,
    AnswerKind.REFUSE_401,
    AnswerKind.REFUSE_429,
    AnswerKind.REFUSE_503,
    AnswerKind.PROXY_502_BEFORE,
    AnswerKind.REJECT,
    AnswerKind.LOSE_ANSWER,
    AnswerKind.RESET_AFTER,
    AnswerKind.PROXY_502_AFTER,
    AnswerKind.UNREADABLE,
)
"""The answers that have a chance, in the order in which they win when the chances add up to more than 1."""

TAKES = frozenset(
    {
        AnswerKind.ACCEPT,
        AnswerKind.SYNCHRONOUS,
        AnswerKind.LOSE_ANSWER,
        AnswerKind.RESET_AFTER,
        AnswerKind.PROXY_502_AFTER,
        AnswerKind.UNREADABLE,
    }
)
"""The answers after which the message is in the VPS's queue."""

COMMUNITY_PARENT = ErrorAck(420, "Rate limit / community parent rejection")
RESTRICTED = ErrorAck(463, "Account restricted")


def plan(knobs: Knobs, dice: Dice, *, community_parent: bool = False) -> Plan:
    """Plan one `/send`. `community_parent` says that the VPS's own list of groups marks the recipient so."""
    regular = AnswerKind.SYNCHRONOUS if knobs.synchronous else AnswerKind.ACCEPT
    answer = dice.pick("answer", ((kind, getattr(knobs, kind)) for kind in TROUBLES), regular)
    if answer not in TAKES:
        return Plan(answer, Fate.NOT_TAKEN)
    error = refusal(knobs, dice, community_parent=community_parent)
    fate = _fate(knobs, dice, error)
    early = dice.hits("early", knobs.early)
    at_once = early or knobs.synchronous
    queue_ms = 0 if at_once else dice.between("queue", knobs.queue_min_ms, knobs.queue_max_ms)
    return Plan(answer, fate, queue_ms, early, error if fate is Fate.REFUSED else None)


def refusal(knobs: Knobs, dice: Dice, *, community_parent: bool) -> ErrorAck | None:
    """Return why WhatsApp will refuse the message, if it will."""
    if knobs.restricted:
        return RESTRICTED
    if knobs.community_parent or community_parent:
        return COMMUNITY_PARENT
    if dice.hits("error_ack", knobs.error_ack):
        return ErrorAck(knobs.error_code, knobs.error_message)
    return None


def _fate(knobs: Knobs, dice: Dice, error: ErrorAck | None) -> Fate:
    written = Fate.REFUSED if error else Fate.WRITTEN
    return dice.pick("fate", ((Fate.SWALLOWED, knobs.swallow), (Fate.FAILED, knobs.fail)), written)
