"""What an examination finds."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How a part is. A warning is worth knowing; what is wrong loses messages, or keeps the dispatcher from working."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at: what was seen, and what to do about it."""

    part: str
    state: State
    seen: str
    advice: str = ""


def ok(part: str, seen: str) -> Finding:
    """Nothing to do."""
    return Finding(part, State.OK, seen)


def warning(part: str, seen: str, advice: str) -> Finding:
    """Something to know."""
    return Finding(part, State.WARNING, seen, advice)


def wrong(part: str, seen: str, advice: str) -> Finding:
    """Something to mend."""
    return Finding(part, State.WRONG, seen, advice)


def judge_clock(part: str, ahead_seconds: float, allowed_seconds: float) -> Finding:
    """Judge a clock that is so far ahead of ours (negative: behind)."""
    away = abs(ahead_seconds)
    if away <= allowed_seconds:
        return ok(part, f"its clock is within {allowed_seconds:g} s of ours")
    direction = "ahead of" if ahead_seconds > 0 else "behind"
    return wrong(
        part,
        f"its clock is {away:.1f} s {direction} ours",
        "synchronise both machines (NTP): what happened is told by time",
    )
