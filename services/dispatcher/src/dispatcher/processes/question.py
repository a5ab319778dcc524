"""How far an order to verify has come: whom the VPS was asked about, and of whom it did not tell."""

from collections.abc import Collection, Sequence
from typing import Self

import msgspec

from dispatcher.store.orders import OpenOrder

Place = tuple[str, int]
"""A recipient's JID, and its position in the campaign."""


class Question(msgspec.Struct, frozen=True):
    """The progress of an order, more exactly than the store keeps it: who takes the order over asks again about all
    from the first of whom the VPS did not tell. `asked_up_to` is a position; `silent` are those of whom the VPS did
    not tell, with the time (epoch ms) at which each is asked about again.
    """

    asked_up_to: int
    silent: dict[Place, int] = {}

    @property
    def done_up_to(self) -> int:
        """The position up to which nothing is left to ask."""
        return min((position for _, position in self.silent), default=self.asked_up_to + 1) - 1

    @property
    def next_at_ms(self) -> int | None:
        """When somebody is asked about again; None where there is nobody."""
        return min(self.silent.values(), default=None)

    def taken_up(self, order: OpenOrder) -> Self:
        """Return what is left where another replica has gone on with the order meanwhile."""
        left = {place: at_ms for place, at_ms in self.silent.items() if place[1] > order.done_up_to}
        return type(self)(max(self.asked_up_to, order.done_up_to), left)

    def due(self, now_ms: int, limit: int) -> list[Place]:
        """Return whom to ask about again; whom a part was silent about comes behind the others."""
        return [place for place, at_ms in self.silent.items() if at_ms <= now_ms][:limit]

    def asked(self, part: Sequence[Place], silent: Collection[str], again_at_ms: int) -> Self:
        """Return the progress after a part of which the VPS did not tell of these JIDs."""
        done = set(part)
        left = {place: at_ms for place, at_ms in self.silent.items() if place not in done}
        left |= {place: again_at_ms for place in part if place[0] in silent}
        return type(self)(max([self.asked_up_to, *(position for _, position in part)]), left)
