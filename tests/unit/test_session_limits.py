"""Quiet hours and the daily cap, by the clock of the session's zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.session import UNKNOWN, Limits, Session
from dispatcher.limits import Day, day_of, opens_at_ms
from dispatcher.sending.gate import opens_at

ZONE = "Asia/Jerusalem"
NIGHT = Limits(quiet_from="22:00", quiet_to="07:30", timezone=ZONE)
NOON = Limits(quiet_from="12:00", quiet_to="13:00", timezone=ZONE)


def at(text: str, zone: str = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("limits", "now", "opens"),
    [
        (NIGHT, "2026-02-15 21:59:59", "2026-02-15 21:59:59"),
        (NIGHT, "2026-02-15 22:00", "2026-02-16 07:30"),
        (NIGHT, "2026-02-16 00:00", "2026-02-16 07:30"),
        (NIGHT, "2026-02-16 07:29:59", "2026-02-16 07:30"),
        (NIGHT, "2026-02-16 07:30", "2026-02-16 07:30"),
        (NOON, "2026-02-15 12:30", "2026-02-15 13:00"),
        (NOON, "2026-02-15 13:00", "2026-02-15 13:00"),
        (Limits(quiet_from="12:00", timezone=ZONE), "2026-02-15 12:30", "2026-02-15 12:30"),
        (NIGHT, "2026-03-26 23:00", "2026-03-27 07:30"),
    ],
)
def test_quiet_hours_end_when_the_clock_of_the_zone_says_so(limits: Limits, now: str, opens: str):
    assert opens_at_ms(limits, None, at(now)) == at(opens)


@pytest.mark.parametrize(
    ("zone", "begin", "end", "now", "opens"),
    [
        ("America/New_York", "22:00", "01:30", "2026-11-01T01:10-04:00", "2026-11-01T01:30-04:00"),
        ("America/New_York", "22:00", "01:30", "2026-11-01T01:10-05:00", "2026-11-01T01:30-05:00"),
        ("Asia/Jerusalem", "22:00", "01:30", "2026-10-25T01:10+02:00", "2026-10-25T01:30+02:00"),
        ("Africa/Cairo", "23:50", "23:20", "2026-10-29T23:55+03:00", "2026-10-29T23:20+02:00"),
    ],
)
def test_quiet_hours_end_each_time_that_the_clock_shows_their_end(
    zone: str, begin: str, end: str, now: str, opens: str
):
    limits = Limits(quiet_from=begin, quiet_to=end, timezone=zone)
    now_ms, opens_ms = [round(datetime.fromisoformat(text).timestamp() * 1000) for text in (now, opens)]
    assert opens_at_ms(limits, None, now_ms) == opens_ms


def changes_of(zone: str) -> list[datetime]:
    """When the clock of a zone is changed in 2026."""
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(365 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


CHANGES = [
    (zone, change)
    for zone in ("America/New_York", ZONE, "Africa/Cairo", "America/Havana", "Australia/Lord_Howe")
    for change in changes_of(zone)
]
QUARTERS = st.integers(-8, 8).map(lambda quarters: timedelta(minutes=15 * quarters))


NEAR = st.integers(-240, 240).map(lambda minutes: timedelta(minutes=minutes))
DAYS = st.integers(-1, 0).map(lambda days: timedelta(days=days))


@given(st.sampled_from(CHANGES), QUARTERS, QUARTERS, NEAR, DAYS)
def test_where_the_clock_is_changed_it_never_opens_in_the_past_nor_in_quiet_hours(
    changed: tuple[str, datetime], begins: timedelta, ends: timedelta, since: timedelta, days: timedelta
):
    zone, change = changed
    clock = change.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    begin, end = [f"{(clock + distance):%H:%M}" for distance in (begins, ends)]
    limits = Limits(quiet_from=begin, quiet_to=end, timezone=zone)
    now_ms = round((change + since + days).timestamp() * 1000)
    opens_ms = opens_at_ms(limits, None, now_ms)
    assert opens_ms >= now_ms
    assert opens_at_ms(limits, None, opens_ms) == opens_ms


def test_a_day_is_as_long_as_it_is_where_the_clock_is_changed():
    spring = day_of(Limits(timezone=ZONE), at("2026-03-27 12:00"))
    assert (spring.end_ms - spring.start_ms) / 3_600_000 == 23


def test_a_full_day_opens_at_midnight():
    limits = Limits(daily_cap=2, timezone=ZONE)
    now = at("2026-02-15 09:00")
    day = day_of(limits, now)
    assert opens_at_ms(limits, Day(day.start_ms, day.end_ms, 1), now) == now
    assert opens_at_ms(limits, Day(day.start_ms, day.end_ms, 2), now) == at("2026-02-16 00:00")


def test_of_rest_and_limits_the_later_counts_and_what_is_shut_never_opens():
    now = at("2026-02-15 12:30")
    assert opens_at(UNKNOWN, None, now) == now
    assert opens_at(Session("x", limits=NOON, parked_until_ms=now + 5), None, now) == at("2026-02-15 13:00")
    assert opens_at(Session("x", limits=NOON, parked_until_ms=now + 3_600_000), None, now) == now + 3_600_000
    assert opens_at(Session("x", paused=True), None, now) is None
    assert opens_at(Session("x", stopped=True), None, now) is None
