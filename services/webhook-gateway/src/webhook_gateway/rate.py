"""Rate: how many requests per second one key may make. A token bucket per key, refilled by the clock."""

import msgspec


class Bucket(msgspec.Struct):
    """Tokens left at a moment of the monotonic clock, in seconds."""

    tokens: float
    at: float


class RateLimit:
    """At most `per_second` requests per second and key, with bursts of one second's worth; 0 is no limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._buckets: dict[bytes, Bucket] = {}

    def seconds_to_wait(self, key: bytes, now: float) -> float:
        """Take a token of a key; return 0, or the seconds until there is one. `now` is monotonic."""
        if self._per_second == 0:
            return 0.0
        burst = max(self._per_second, 1.0)
        bucket = self._buckets.setdefault(key, Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_second
        bucket.tokens -= 1
        return 0.0
