"""What an operator allows a session: so many messages a day, and none in quiet hours, by its own clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from dispatcher.domain.session import Limits


class Day(msgspec.Struct, frozen=True):
    """A day by a session's clock, and how many messages have left in it. Times in epoch ms."""

    start_ms: int
    end_ms: int
    sent: int = 0


def day_of(limits: Limits, now_ms: int) -> Day:
    """Return the day that it is now by the session's clock."""
    today = _local(limits, now_ms).date()
    zone = ZoneInfo(limits.timezone)
    tomorrow = today + timedelta(days=1)
    return Day(_ms(datetime.combine(today, time(), zone)), _ms(datetime.combine(tomorrow, time(), zone)))


def opens_at_ms(limits: Limits, day: Day | None, now_ms: int) -> int:
    """Return when a message may leave, as far as the limits go: `now_ms`, or the end of what forbids it."""
    if limits.daily_cap is not None and day is not None and day.sent >= limits.daily_cap:
        return max(day.end_ms, now_ms + 1)
    return quiet_until_ms(limits, now_ms) or now_ms


def quiet_until_ms(limits: Limits, now_ms: int) -> int | None:
    """Return when the quiet hours end that it is in now; they may go over midnight, and end twice in the hour that a
    clock shows twice.
    """
    if limits.quiet_to is None or not _is_quiet(limits, now_ms):
        return None
    today, zone = _local(limits, now_ms).date(), ZoneInfo(limits.timezone)
    end = time.fromisoformat(limits.quiet_to)
    ends = (
        _ms(datetime.combine(today + timedelta(days=days), end.replace(fold=fold), zone))
        for days in range(3)  # today's may be over, and a clock that is changed may skip tomorrow's
        for fold in (0, 1)
    )
    return min(at_ms for at_ms in ends if at_ms > now_ms and not _is_quiet(limits, at_ms))


def _is_quiet(limits: Limits, at_ms: int) -> bool:
    if limits.quiet_from is None or limits.quiet_to is None:
        return False
    begin, end = time.fromisoformat(limits.quiet_from), time.fromisoformat(limits.quiet_to)
    at = _local(limits, at_ms).time()
    return begin <= at < end if begin <= end else at >= begin or at < end


def _local(limits: Limits, at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(limits.timezone))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
