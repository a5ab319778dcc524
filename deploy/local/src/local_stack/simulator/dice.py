"""Dice: randomness as a pure function of the seed and of what it is drawn for.

Draws do not depend on the order in which requests arrive, nor on other draws: two runs with one seed
misbehave towards the same messages, and turning one knob leaves the others' draws alone.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")


class Dice(msgspec.Struct, frozen=True):
    """The dice for one message: `place` names session, recipient and attempt."""

    seed: int
    place: str

    def digest(self, purpose: str, size: int = 8) -> bytes:
        """Return `size` bytes that are fixed for this place and purpose."""
        return blake2b(f"{self.seed}|{self.place}|{purpose}".encode(), digest_size=size).digest()

    def fraction(self, purpose: str) -> float:
        """Draw from 0 (included) to 1 (excluded)."""
        return (int.from_bytes(self.digest(purpose), "big") >> 11) / (1 << 53)

    def hits(self, purpose: str, chance: float) -> bool:
        """Whether something with this chance happens."""
        return chance >= 1 or (chance > 0 and self.fraction(purpose) < chance)

    def between(self, purpose: str, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        return low + int(self.fraction(purpose) * (high - low + 1)) if high > low else low

    def pick(self, purpose: str, chances: Iterable[tuple[Kind, float]], otherwise: Kind) -> Kind:
        """Pick one by its chance, or none; the first win where the chances add up to more than 1."""
        drawn, total = -1.0, 0.0
        for kind, chance in chances:
            if chance:
                drawn = self.fraction(purpose) if drawn < 0 else drawn
                total += chance
                if drawn < total:
                    return kind
        return otherwise
