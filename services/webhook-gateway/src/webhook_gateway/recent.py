"""What was stored lately: a repeat of it is answered without asking the broker, which would refuse a whole batch."""

MAX_RECENT = 65_536


class Recent:
    """The ids that were stored lately, known for as long as the broker itself knows them, `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._stored: dict[str, tuple[float, bytes]] = {}

    def mark_of(self, message_id: str, now: float) -> bytes | None:
        """Return the mark of a message that was stored not longer ago than the broker remembers, else None."""
        stored_at, mark = self._stored.get(message_id, (-self._seconds, b""))
        return mark if now - stored_at < self._seconds else None

    def remember(self, message_id: str, mark: bytes, now: float) -> None:
        """Note what was stored, and forget the oldest beyond the limit."""
        self._stored.pop(message_id, None)
        self._stored[message_id] = now, mark
        if len(self._stored) > MAX_RECENT:
            del self._stored[next(iter(self._stored))]
