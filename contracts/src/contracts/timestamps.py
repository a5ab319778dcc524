"""The VPS's timestamps: epoch seconds or finer, ISO 8601, or none; told apart by magnitude."""

from datetime import UTC, datetime

from contracts.wire import Timestamp

EPOCH_UNITS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000))
"""Below which number an epoch count is in which unit (units per second). 1e11 seconds is the year 5138, and
1e11 milliseconds is 1973: before any WhatsApp message."""


def instant(raw: Timestamp) -> datetime | None:
    """Return what the VPS's timestamp says, in UTC, or None where it says nothing that can be read."""
    if raw is None:
        return None
    if isinstance(raw, str):
        return _from_text(raw.strip())
    return _from_epoch(raw)


def _from_text(text: str) -> datetime | None:
    try:
        return _from_epoch(float(text))
    except ValueError:
        pass  # no number: an ISO time, perhaps
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> datetime | None:
    if not number > 0:
        return None
    for limit, per_second in EPOCH_UNITS:
        if number < limit:
            return datetime.fromtimestamp(number / per_second, UTC)
    return None


def normalise(raw: Timestamp, received: datetime) -> datetime:
    """Return the time that a timestamp means, in UTC; the time of receipt where it means none."""
    return instant(raw) or received
