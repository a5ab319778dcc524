"""Timestamps: every form that a VPS writes is the same instant; what cannot be read is no instant."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.timestamps import instant
from webhook_gateway.timestamps import moment_text

MOMENT = datetime(2024, 2, 23, 14, 53, 20, tzinfo=UTC)

SAME = [
    1708700000,
    1708700000.0,
    1708700000000,
    1708700000000000,
    1708700000000000000,
    "1708700000",
    "1708700000000",
    "2024-02-23T14:53:20Z",
    " 2024-02-23T14:53:20.000Z ",
    "2024-02-23T14:53:20+00:00",
    "2024-02-23T16:53:20+02:00",
    "2024-02-23T14:53:20",
]


@pytest.mark.parametrize("raw", SAME)
def test_one_instant_in_every_form(raw):
    assert instant(raw) == MOMENT
    assert moment_text(raw) == "1708700000000"


UNREADABLE = [
    None,
    "",
    "  ",
    "yesterday",
    0,
    -1,
    10**30,
    1e300,
    "nan",
    "inf",
    "-5",
    "0001-01-01T00:00:00+14:00",
]


@pytest.mark.parametrize("raw", UNREADABLE)
def test_what_cannot_be_read_is_no_instant(raw):
    assert instant(raw) is None


@pytest.mark.parametrize(
    ("raw", "text"), [(None, None), ("", None), (" ", None), (0, None), (" yesterday ", "yesterday")]
)
def test_an_unreadable_text_stands_for_itself_in_an_identity(raw, text):
    assert moment_text(raw) == text


@given(st.integers(100_000_000, 7_000_000_000), st.integers(-14, 14))
def test_milliseconds_seconds_and_iso_in_any_zone_agree(seconds, hours):
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    assert instant(seconds) == instant(seconds * 1000) == instant(moment.isoformat()) == moment


@given(st.none() | st.integers() | st.floats(allow_nan=True) | st.text())
def test_nothing_that_json_can_hold_is_a_fault(raw):
    moment = instant(raw)
    assert moment is None or moment.tzinfo is UTC
    moment_text(raw)
