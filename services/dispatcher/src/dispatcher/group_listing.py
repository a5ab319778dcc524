"""What the VPS lists as the groups of a session, in any of the shapes that its builds use."""

from collections.abc import Iterable

import msgspec

from contracts.wire import GroupsAnswer, ListedGroup
from dispatcher.decoding import UNREADABLE
from dispatcher.domain.group import Listing
from dispatcher.domain.phone import GROUP_JID


class Listed(msgspec.Struct, frozen=True):
    """The groups and the community parents of a list, by JID; `ignored` counts entries that name no group."""

    groups: dict[str, Listing] = {}
    parents: frozenset[str] = frozenset()
    ignored: int = 0

    @property
    def jids(self) -> set[str]:
        """All that the list names."""
        return {*self.groups, *self.parents}


class Unlisted(msgspec.Struct, frozen=True):
    """The VPS gave no usable list."""

    reason: str


_decode_body = msgspec.json.Decoder(GroupsAnswer | list[msgspec.Raw]).decode
_decode_group = msgspec.json.Decoder(ListedGroup).decode


def read_groups(status: int, body: bytes) -> Listed | Unlisted:
    """Return what an answer to `/groups` means. An entry that cannot be read does not spoil the others, and
    a name that is not UTF-8 does not spoil its group.
    """
    if status != 200:
        return Unlisted(f"the VPS answered {status}")
    try:
        answer = _decode_body(body.decode(errors="replace"))
    except UNREADABLE:
        return Unlisted("the VPS's list of groups could not be read")
    return _sorted_out(answer.groups if isinstance(answer, GroupsAnswer) else answer)


def _sorted_out(entries: Iterable[msgspec.Raw]) -> Listed:
    groups: dict[str, Listing] = {}
    parents: set[str] = set()
    ignored = 0
    for entry in entries:
        group = _read(entry)
        jid = (group.id or group.jid or group.group_id or "").strip() if group else ""
        if group is None or not GROUP_JID.match(jid):
            ignored += 1
        elif group.is_community and not group.is_community_announce:
            parents.add(jid)
        else:
            groups[jid] = _listing(group)
    return Listed({jid: groups[jid] for jid in groups if jid not in parents}, frozenset(parents), ignored)


def _read(entry: msgspec.Raw) -> ListedGroup | None:
    try:
        return _decode_group(entry)
    except UNREADABLE:
        return None


def _listing(group: ListedGroup) -> Listing:
    return Listing(
        (group.name or group.subject or "").strip(),
        _members(group),
        bool(group.is_admin),
        bool(group.is_community_announce),
        group.invite_link or None,
    )


def _members(group: ListedGroup) -> int:
    """Return how many members the entry tells of: a number wins over an array, which may hold only some."""
    counts = (group.participants_count, group.size)
    told = next((count for count in counts if count is not None), None)
    if told is None:
        told = len(group.participants) if isinstance(group.participants, list) else group.participants
    return max(0, told or 0)
