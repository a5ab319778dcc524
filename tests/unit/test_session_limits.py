"""Quiet hours and the daily cap, by the clock of the session's zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

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
