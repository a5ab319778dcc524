"""How fast a campaign goes, and how long it will still take: from what was seen in the last half minute."""

from collections import deque

WINDOW_SECONDS = 30.0


class Rate:
    """Takes looks at a growing number; `now` is in seconds, of any clock that only goes forward."""

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._looks: deque[tuple[float, int]] = deque()

    def add(self, now: float, settled: int) -> None:
        """Take a look. One look older than the window is kept, so that the window is always spanned."""
        self._looks.append((now, settled))
        while len(self._looks) > 2 and self._looks[1][0] <= now - self._window:
            self._looks.popleft()

    @property
    def per_second(self) -> float:
        """How much the number grows; 0 as long as nothing is known."""
        if len(self._looks) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._looks[0], self._looks[-1]
        return max(0.0, (last - first) / (last_at - first_at)) if last_at > first_at else 0.0

    def seconds_left(self, waiting: int) -> float | None:
        """How long the rest will take at this rate; None when that cannot be told."""
        rate = self.per_second
        return waiting / rate if rate > 0 else None


def in_words(seconds: float) -> str:
    """Return a length of time as `2 h 05 min`, `3 min 20 s` or `8 s`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
