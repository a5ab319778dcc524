"""Small pieces of the texts: times, reasons, and what somebody gave as a reason."""

from dispatcher.translate import to_time


def clock(at_ms: int) -> str:
    """Return a time (epoch ms) as people read it, to the second, in UTC."""
    return f"{to_time(at_ms):%Y-%m-%d %H:%M:%S} UTC"


def said(words: str | None, beside: str | None = None) -> str:
    """Return somebody's own words in brackets; nothing where there are none, or where they repeat `beside`."""
    return f" ({words!r})" if words and words != beside else ""


def because(why: str | None) -> str:
    """Return the reason that somebody gave."""
    return f": {why}" if why else ""
