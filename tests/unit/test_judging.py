"""What the VPS's memory of the last message to a recipient says of our attempt, row by row."""

from uuid import UUID

import msgspec
import pytest

from dispatcher.answers import Found, NoLookup, Unreachable
from dispatcher.processes.inquiry import (
    AskAgain,
    CannotTell,
    Claim,
    Finding,
    NotSent,
    Sent,
    Settled,
    judge,
)

STARTED_MS = 1_700_000_000_500
OURS = "3EB0000000000000000001"
OTHER = "3EB0000000000000000002"
ATTEMPT = Sent(UUID(int=1), "120363000000000001@g.us", 1, "a1", "wa_x", OURS, STARTED_MS, STARTED_MS)
REPEATED = msgspec.structs.replace(ATTEMPT, number=2, begun_at_ms=STARTED_MS - 60_000)
SKEW_MS = 2_000
ANOTHER = CannotTell("the VPS remembers another message")
WITHOUT_A_TIME = CannotTell("the VPS remembers a message, and not its time")

Remembered = Found | NoLookup | Unreachable

ROWS: dict[str, tuple[Remembered, Claim, Finding]] = {
    "no such call": (NoLookup(), Claim.FREE, CannotTell("this VPS cannot look messages up")),
    "no usable answer": (Unreachable("503"), Claim.FREE, AskAgain("503")),
    "our id": (Found(OURS, STARTED_MS + 1_234), Claim.TAKEN, Settled(OURS, STARTED_MS + 1_234)),
    "our id, by a clock that goes wrong": (
        Found(OURS, STARTED_MS - 60_000),
        Claim.TAKEN,
        Settled(OURS, STARTED_MS - 60_000),
    ),
    "our id, without a time": (Found(OURS, None), Claim.TAKEN, Settled(OURS, STARTED_MS)),
    "our id, as ISO": (
        Found(OURS, "2023-11-14T22:13:21.500Z"),
        Claim.TAKEN,
        Settled(OURS, STARTED_MS + 1_000),
    ),
    "nobody's id, later": (Found(OTHER, STARTED_MS + 1), Claim.FREE, Settled(OTHER, STARTED_MS + 1)),
    "nobody's id, without a time": (Found(OTHER, None), Claim.FREE, WITHOUT_A_TIME),
    "nobody's id, with a time that cannot be read": (Found(OTHER, "soon"), Claim.FREE, WITHOUT_A_TIME),
    "another of this recipient, without a time": (Found(OTHER, None), Claim.TAKEN, WITHOUT_A_TIME),
    "nobody's id, in the same second": (Found(OTHER, 1_700_000_000), Claim.FREE, Settled(OTHER, STARTED_MS)),
    "nobody's id, within the skew before": (Found(OTHER, STARTED_MS - 1_999), Claim.FREE, ANOTHER),
    "anybody's id, later": (
        Found(OTHER, STARTED_MS + 1),
        Claim.DOUBTFUL,
        CannotTell("the VPS remembers a message that may be another's"),
    ),
    "anybody's id, long before": (Found(OTHER, STARTED_MS - 2_001), Claim.DOUBTFUL, NotSent()),
    "our id, where it may be anybody's": (
        Found(OURS, STARTED_MS + 1),
        Claim.DOUBTFUL,
        Settled(OURS, STARTED_MS + 1),
    ),
    "nobody's id, long before": (Found(OTHER, STARTED_MS - 2_001), Claim.FREE, NotSent()),
    "an older one of this recipient": (Found(OTHER, STARTED_MS - 60_000), Claim.TAKEN, NotSent()),
    "an older one of another": (Found(OTHER, STARTED_MS - 60_000), Claim.TAKEN, NotSent()),
    "a later one of this recipient": (Found(OTHER, STARTED_MS + 1), Claim.TAKEN, ANOTHER),
    "a later one of another": (Found(OTHER, STARTED_MS + 1), Claim.TAKEN, ANOTHER),
}


@pytest.mark.parametrize(("remembered", "claim", "finding"), ROWS.values(), ids=ROWS.keys())
def test_the_memory_of_the_vps_says(remembered: Remembered, claim: Claim, finding: Finding):
    assert judge(ATTEMPT, remembered, claim, SKEW_MS) == finding


def test_a_message_from_before_a_repeat_may_be_the_one_that_it_repeats():
    for at_ms in (STARTED_MS - 2_001, STARTED_MS - 62_000):
        assert judge(REPEATED, Found(OTHER, at_ms), Claim.FREE, SKEW_MS) == ANOTHER, at_ms
    assert judge(REPEATED, Found(OTHER, STARTED_MS - 62_001), Claim.FREE, SKEW_MS) == NotSent()
