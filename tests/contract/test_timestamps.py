"""The VPS's timestamps: seconds, milliseconds, text or nothing; what cannot be read is the time of receipt."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.timestamps import normalise

RECEIVED = datetime(2026, 2, 15, 10, 0, 7, tzinfo=UTC)
MOMENT = datetime(2024, 2, 23, 14, 53, 20, tzinfo=UTC)

READABLE = [
    1708700000,
    1708700000.0,
    1708700000000,
    "1708700000",
    " 1708700000000 ",
    "2024-02-23T14:53:20Z",
    "2024-02-23T14:53:20.000+00:00",
    "2024-02-23T20:23:20+05:30",
    "2024-02-23T14:53:20",
    "20240223T145320Z",
]

NOTHING = [
    None,
    "",
    "  ",
    "yesterday",
    "2024-02-30T00:00:00Z",
    0,
    -1708700000,
    -1708700000000,
    10**400,
    -(10**400),
    1e300,
    "1e999",
    "nan",
    float("nan"),
    float("inf"),
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
]


@pytest.mark.parametrize("timestamp", READABLE)
def test_one_moment_in_every_form(timestamp):
    assert normalise(timestamp, RECEIVED) == MOMENT


@pytest.mark.parametrize("timestamp", NOTHING, ids=lambda timestamp: repr(timestamp)[:30])
def test_what_says_no_time_is_the_time_of_receipt(timestamp):
    assert normalise(timestamp, RECEIVED) == RECEIVED


@given(st.none() | st.integers() | st.floats(allow_nan=True, allow_infinity=True) | st.text())
@example(10**400)
@example("0001-01-01T00:00:00+14:00")
@example("1" * 5000)
def test_nothing_on_the_wire_is_a_fault(timestamp):
    assert normalise(timestamp, RECEIVED).utcoffset() == timedelta(0)


@given(st.integers(100_000_000, 7_000_000_000), st.integers(-14, 14))
def test_seconds_milliseconds_and_text_in_any_zone_agree(seconds, hours):
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    forms = (seconds, seconds * 1000, str(seconds), moment.isoformat())
    assert {normalise(form, RECEIVED) for form in forms} == {moment}
