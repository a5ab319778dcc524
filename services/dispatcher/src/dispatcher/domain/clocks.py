"""How far a time on somebody else's clock reaches on ours."""


def latest_ms(told_ms: int, skew_ms: int = 0) -> int:
    """Return the latest time (epoch ms, our clock) that a told one may mean: without a fraction it counts for its whole
    second, and `skew_ms` is how far the clocks may be apart.
    """
    whole_second = told_ms % 1000 == 0
    return told_ms + 999 * whole_second + skew_ms
