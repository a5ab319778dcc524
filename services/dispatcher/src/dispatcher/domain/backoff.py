"""When a failed message is tried again."""

from hashlib import blake2b

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how far apart. `backoff_seconds[n-1]` is the wait after attempt n, the last one for all
    beyond; `max_attempts` counts all sends of one message; `jitter` is the largest part added or taken.
    """

    backoff_seconds: tuple[float, ...] = (60, 120, 240, 480, 960)
    max_attempts: int = 5
    jitter: float = 0.2


def jitter_of(attempt_id: str, width: float) -> float:
    """Return a factor within 1 ± `width` that is always the same for one attempt.

    Drawn from the attempt's id, so that the time of the next attempt does not depend on which of several
    reports of the same failure came first.
    """
    return 1 + width * (2 * draw_of(attempt_id) - 1)


def draw_of(attempt_id: str) -> float:
    """Return a number from 0 to 1 that is always the same for one attempt, and as good as random among them."""
    return int.from_bytes(blake2b(attempt_id.encode(), digest_size=4).digest(), "big") / 0xFFFFFFFF


def retry_at_ms(policy: RetryPolicy, attempt: int, attempt_id: str, failed_at_ms: int) -> int | None:
    """Return when the attempt after number `attempt` (from 1) is due, in epoch ms; None when none is left."""
    if attempt >= policy.max_attempts or not policy.backoff_seconds:
        return None
    wait = policy.backoff_seconds[min(attempt, len(policy.backoff_seconds)) - 1]
    return failed_at_ms + int(wait * 1000 * jitter_of(attempt_id, policy.jitter))
