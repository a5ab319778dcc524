"""A group as one session sees it: who may be written to, how many members it has.

The member count is what the VPS listed, and the joins and leaves since. Each member's first and last move since then
say whether that member changed the count, so that it is the same for every order and repetition of the reports.
"""

from typing import Literal

import msgspec

Obstacle = Literal["gone", "refused", "not_admin"]
"""Why no message may be sent to a group: the VPS does not list it, it refused the last one, only admins may write."""


class GroupEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact about a group; `at_ms` is when it was recorded, in epoch ms."""

    at_ms: int


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the VPS lists of a group."""

    name: str
    member_count: int = 0
    is_admin: bool = False
    is_announce: bool = False
    invite_link: str | None = None


class Seen(GroupEvent, frozen=True, tag="group.seen"):
    """The VPS lists it. `asked_at_ms`: it holds all that happened before."""

    asked_at_ms: int
    listing: Listing


class ParentFound(GroupEvent, frozen=True, tag="group.parent_found"):
    """It is a community parent: nothing can be sent to it, and it is not kept among the groups."""


class Gone(GroupEvent, frozen=True, tag="group.gone"):
    """The VPS does not list it any more."""


class Refused(GroupEvent, frozen=True, tag="group.refused"):
    """WhatsApp refused a message to it for good."""

    error: str


class MemberMoved(GroupEvent, frozen=True, tag="group.member_moved"):
    """Somebody joined (`present`) or left."""

    participant: str
    present: bool
    moved_at_ms: int


class CarriedOver(GroupEvent, frozen=True, tag="group.carried_over"):
    """Somebody moved all of another session to this one: what was known there of the group is known here."""

    by: str
    why: str | None
    from_session_id: str
    group: "Group"


Event = Seen | ParentFound | Gone | Refused | MemberMoved | CarriedOver
"""Every fact of a group stream, as one tagged union."""


class Moves(msgspec.Struct, frozen=True, array_like=True):
    """A member's first and last move since the VPS listed the group, each with its time."""

    first: tuple[int, bool]
    last: tuple[int, bool]

    @property
    def difference(self) -> int:
        """What they add to the count: the first tells whether the member was there before."""
        return int(self.last[1]) - int(not self.first[1])

    def with_move(self, move: tuple[int, bool]) -> "Moves":
        """Return the moves with one more, whenever it happened."""
        return Moves(min(self.first, move), max(self.last, move))


class Group(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a group stream. `asked_at_ms` is None while the VPS has never listed it."""

    listing: Listing = Listing("")
    asked_at_ms: int | None = None
    parent_since_ms: int | None = None
    gone_at_ms: int | None = None
    refused_at_ms: int | None = None
    refusal: str | None = None
    moves: dict[str, Moves] = {}

    @property
    def is_parent(self) -> bool:
        """Nothing can be sent to it."""
        return self.parent_since_ms is not None

    @property
    def member_count(self) -> int:
        """How many members it has now, as far as we know."""
        return max(0, self.listing.member_count + sum(moves.difference for moves in self.moves.values()))

    @property
    def obstacle(self) -> Obstacle | None:
        """Why no message may be sent to it; None where it is there, took the last one, and we may write."""
        if self.asked_at_ms is None or self.gone_at_ms is not None:
            return "gone"
        if self.refused_at_ms is not None:
            return "refused"
        return "not_admin" if self.listing.is_announce and not self.listing.is_admin else None

    @property
    def sendable(self) -> bool:
        """A message may be sent to it."""
        return not self.is_parent and self.obstacle is None


class GroupCommand(msgspec.Struct, frozen=True):
    """What the VPS told of one group."""

    now_ms: int


class See(GroupCommand, frozen=True):
    """It was in the list that was asked for at `asked_at_ms`."""

    asked_at_ms: int
    listing: Listing


class FindParent(GroupCommand, frozen=True):
    """It was in the list, as a community parent."""


class Lose(GroupCommand, frozen=True):
    """It was not in the list."""


class Refuse(GroupCommand, frozen=True):
    """A message to it was refused for good."""

    error: str


class Move(GroupCommand, frozen=True):
    """Somebody joined or left at `at_ms`."""

    participant: str
    present: bool
    at_ms: int


class CarryOver(GroupCommand, frozen=True):
    """Take over what another session knew of the group."""

    by: str
    why: str | None
    from_session_id: str
    group: Group


Command = See | FindParent | Lose | Refuse | Move | CarryOver


def decide(command: Command, group: Group) -> list[Event]:
    """Turn a report into facts; what is known already gives the empty list."""
    match command:
        case See(now, asked_at_ms, listing):
            known = msgspec.structs.replace(group.listing, member_count=group.member_count)
            held = group.asked_at_ms is None or group.gone_at_ms or group.refused_at_ms or group.is_parent
            return [Seen(now, asked_at_ms, listing)] if held or known != listing else []
        case FindParent(now):
            return [] if group.is_parent else [ParentFound(now)]
        case Lose(now):
            return [] if group.gone_at_ms is not None or group.is_parent else [Gone(now)]
        case Refuse(now, error):
            return [] if group.refused_at_ms is not None or group.is_parent else [Refused(now, error)]
        case Move():
            return _move(command, group)
        case CarryOver(now, by, why, from_session_id, known):
            here = group.asked_at_ms is not None and group.gone_at_ms is None
            taken = [CarriedOver(now, by, why, from_session_id, known)]
            return [] if here or group.is_parent or known == group else [*taken]


def _move(command: Move, group: Group) -> list[Event]:
    """Record a move that the list did not hold yet, and that tells more than the moves known."""
    if group.asked_at_ms is None or command.at_ms <= group.asked_at_ms or group.is_parent:
        return []
    move = command.at_ms, command.present
    known = group.moves.get(command.participant)
    if known is not None and known.with_move(move) == known:
        return []
    return [MemberMoved(command.now_ms, command.participant, command.present, command.at_ms)]


def evolve(group: Group, event: Event) -> Group:
    """Return the state after an event."""
    replace = msgspec.structs.replace
    match event:
        case Seen(_, asked_at_ms, listing):
            return Group(listing, asked_at_ms)
        case ParentFound(at_ms):
            return Group(parent_since_ms=at_ms)
        case CarriedOver():
            return event.group
        case Gone(at_ms):
            return replace(group, gone_at_ms=at_ms)
        case Refused(at_ms, error):
            return replace(group, refused_at_ms=at_ms, refusal=error)
        case MemberMoved(_, participant, present, moved_at_ms):
            move = moved_at_ms, present
            known = group.moves.get(participant, Moves(move, move))
            return replace(group, moves={**group.moves, participant: known.with_move(move)})


INITIAL = Group()
"""Before the first event."""
