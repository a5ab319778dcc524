"""The turnstile: which way does a group of messages go, straight to the NATS stream or into the spool? Pure.

Once something is in the spool everything goes there, behind it, until the last of it is acknowledged: so what
was answered first is stored first. The way back is a hand-over: when the rest is small and the stream answers,
new groups wait for the moment that the rest takes; without it, a busy gateway would spool for ever.
"""

from enum import Enum, auto


class Way(Enum):
    """Where a group goes now."""

    DIRECT = auto()
    SPOOL = auto()
    WAIT = auto()


class Turnstile:
    """Counts what the spool of one NATS stream holds. `held` is what it held when it was opened; `answers` tells
    whether the stream took the last group that it was offered from there.
    """

    def __init__(self, held: int) -> None:
        self.held = held
        self._appending = 0
        self.answers = False
        self._handing_over = False

    @property
    def way(self) -> Way:
        """Where a group that comes now goes; WAIT says to ask again when `end_drain` was called."""
        if self._handing_over:
            return Way.WAIT
        return Way.SPOOL if self.held or self._appending else Way.DIRECT

    @property
    def settled(self) -> bool:
        """Whether nothing is being written to the spool."""
        return self._appending == 0

    def begin_append(self) -> None:
        """Note that a group is being written: whatever comes from now on goes behind it."""
        self._appending += 1

    def end_append(self, added: int) -> None:
        """Note how many messages of a group are in the spool now."""
        self._appending -= 1
        self.held += added

    def begin_drain(self, at_most: int) -> bool:
        """Begin to offer the oldest messages to the stream; return whether this hands over.

        It does where the stream took the last group whole and the rest fits in one.
        """
        self._handing_over |= self.answers and self.held <= at_most
        return self._handing_over

    def end_hand_over(self) -> None:
        """Note that the stream is too slow for new groups to wait: they are spooled."""
        self._handing_over = False

    def end_drain(self, offered: int, acknowledged: int) -> None:
        """Note how many of the offered messages the stream has. Fewer end the hand-over: new groups are spooled."""
        self.held -= acknowledged
        self.answers = acknowledged == offered
        self._handing_over = self._handing_over and self.answers and self.held > 0
