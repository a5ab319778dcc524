"""What the VPS's memory of the last message to a recipient says of our attempt, row by row."""

from uuid import UUID

import msgspec
import pytest

from dispatcher.answers import Found, NoLookup, NotFound, Remembered, Unreachable
from dispatcher.processes.inquiry import (
    Anybodys,
    AskAgain,
    CannotTell,
    Finding,
    NotSent,
    Sent,
    Settled,
    judge,
)

STARTED_MS = 1_700_000_000_500
OURS = "3EB0000000000000000001"
OTHER = "3EB0000000000000000002"
ATTEMPT = Sent(UUID(int=1), "120363000000000001@g.us", 1, "wa_x", OURS, STARTED_MS, STARTED_MS)
REPEATED = msgspec.structs.replace(ATTEMPT, number=2, begun_at_ms=STARTED_MS - 60_000)
SKEW_MS = 2_000
ANOTHER = CannotTell("the VPS remembers another message")
WITHOUT_A_TIME = CannotTell("the VPS remembers a message, and not its time")

ROWS: dict[str, tuple[Remembered, bool | Anybodys | None, Finding]] = {
    "nothing remembered": (NotFound(), None, NotSent()),
    "no such call": (NoLookup(), None, CannotTell("this VPS cannot look messages up")),
    "no usable answer": (Unreachable("503"), None, AskAgain("503")),
    "our id": (Found(OURS, STARTED_MS + 1_234), True, Settled(OURS, STARTED_MS + 1_234)),
    "our id, by a clock that goes wrong": (
        Found(OURS, STARTED_MS - 60_000),
        True,
        Settled(OURS, STARTED_MS - 60_000),
    ),
    "our id, without a time": (Found(OURS, None), True, Settled(OURS, STARTED_MS)),
    "our id, as ISO": (Found(OURS, "2023-11-14T22:13:21.500Z"), True, Settled(OURS, STARTED_MS + 1_000)),
    "nobody's id, later": (Found(OTHER, STARTED_MS + 1), None, Settled(OTHER, STARTED_MS + 1)),
    "nobody's id, without a time": (Found(OTHER, None), None, WITHOUT_A_TIME),
    "nobody's id, with a time that cannot be read": (Found(OTHER, "soon"), None, WITHOUT_A_TIME),
    "another of this recipient, without a time": (Found(OTHER, None), True, WITHOUT_A_TIME),
    "nobody's id, in the same second": (Found(OTHER, 1_700_000_000), None, Settled(OTHER, STARTED_MS)),
    "nobody's id, within the skew before": (Found(OTHER, STARTED_MS - 1_999), None, ANOTHER),
    "anybody's id, later": (
        Found(OTHER, STARTED_MS + 1),
        Anybodys(),
        CannotTell("the VPS remembers a message that may be another's"),
    ),
    "anybody's id, long before": (Found(OTHER, STARTED_MS - 2_001), Anybodys(), NotSent()),
    "our id, where it may be anybody's": (
        Found(OURS, STARTED_MS + 1),
        Anybodys(),
        Settled(OURS, STARTED_MS + 1),
    ),
    "nobody's id, long before": (Found(OTHER, STARTED_MS - 2_001), None, NotSent()),
    "an older one of this recipient": (Found(OTHER, STARTED_MS - 60_000), True, NotSent()),
    "an older one of another": (Found(OTHER, STARTED_MS - 60_000), False, NotSent()),
    "a later one of this recipient": (Found(OTHER, STARTED_MS + 1), True, ANOTHER),
    "a later one of another": (Found(OTHER, STARTED_MS + 1), False, ANOTHER),
}


@pytest.mark.parametrize(("remembered", "ours", "finding"), ROWS.values(), ids=ROWS.keys())
def test_the_memory_of_the_vps_says(remembered: Remembered, ours: bool | Anybodys | None, finding: Finding):
    assert judge(ATTEMPT, remembered, ours, SKEW_MS) == finding


def test_a_message_from_before_a_repeat_may_be_the_one_that_it_repeats():
    for at_ms in (STARTED_MS - 2_001, STARTED_MS - 62_000):
        assert judge(REPEATED, Found(OTHER, at_ms), None, SKEW_MS) == ANOTHER, at_ms
    assert judge(REPEATED, Found(OTHER, STARTED_MS - 62_001), None, SKEW_MS) == NotSent()
