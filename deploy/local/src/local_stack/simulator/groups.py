"""Groups: what `/groups` lists, in each of the shapes that builds of the VPS use."""

import msgspec

from local_stack.simulator.knobs import IdField, Knobs, NameField, ParticipantsField

ID_FIELDS: tuple[IdField, ...] = ("id", "jid", "groupId")
NAME_FIELDS: tuple[NameField, ...] = ("name", "subject")
PARTICIPANTS_FIELDS: tuple[ParticipantsField, ...] = ("number", "array", "participantsCount", "size")


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One group of a session, as the control API sets it; `jid` is `120363…@g.us`."""

    jid: str
    name: str = ""
    participants: int = 0
    is_admin: bool = False
    is_community: bool = False
    is_community_announce: bool = False
    invite_link: str | None = None


def groups_json(groups: list[Group], knobs: Knobs, *, invite_links: bool) -> bytes:
    """Return the body of `/groups`, shaped as the knobs say."""
    listed = [_shaped(group, at, knobs, invite_links) for at, group in enumerate(groups)]
    return msgspec.json.encode({"groups": listed} if knobs.groups_wrapped else listed)


def _shaped(group: Group, at: int, knobs: Knobs, invite_links: bool) -> dict[str, object]:
    id_field = ID_FIELDS[at % 3] if knobs.groups_id == "mixed" else knobs.groups_id
    name_field = NAME_FIELDS[at % 2] if knobs.groups_name == "mixed" else knobs.groups_name
    mixed = knobs.groups_participants == "mixed"
    shaped: dict[str, object] = {
        id_field: group.jid,
        name_field: group.name,
        **_participants(group, PARTICIPANTS_FIELDS[at % 4] if mixed else knobs.groups_participants),
        "isAdmin": group.is_admin,
        "isCommunity": group.is_community,
        "isCommunityAnnounce": group.is_community_announce,
    }
    if invite_links and group.invite_link is not None:
        shaped["inviteLink"] = group.invite_link
    return shaped


def _participants(group: Group, field: ParticipantsField) -> dict[str, object]:
    match field:
        case "array":
            members = range(group.participants)
            return {"participants": [{"id": f"91{at:010d}@s.whatsapp.net", "admin": None} for at in members]}
        case "participantsCount" | "size":
            return {field: group.participants}
        case _:
            return {"participants": group.participants}
