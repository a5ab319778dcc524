"""How many requests one key may make: a token bucket per key, filled by the clock."""

from uuid import UUID

import msgspec


class Bucket(msgspec.Struct):
    """Requests that may still come at once, and when that was so, in seconds of a clock that only goes forward."""

    tokens: float
    at: float


class RateLimit:
    """Lets each key make `per_second` requests a second, and as many at once; 0 is no limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._burst = max(per_second, 1.0)
        self._buckets: dict[UUID, Bucket] = {}

    def seconds_to_wait(self, key_id: UUID, now: float) -> float:
        """Take a request of a key; return 0, or how long until there is one, in seconds."""
        if not self._per_second:
            return 0.0
        bucket = self._buckets.setdefault(key_id, Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_second
        bucket.tokens -= 1
        return 0.0
