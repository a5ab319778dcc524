"""How streams are named: `campaign-<id>`, `recipient-<campaign>+<jid>`, `session-<id>`, `group-<session>+<jid>`,
`command-<id>`, `attention-<tenant>+<item>`, `quarantine-<id>`.
"""

from uuid import UUID

import msgspec

Key = tuple[UUID, str]
"""A recipient's key: its campaign, and its JID."""


class GroupKey(msgspec.Struct, frozen=True, order=True):
    """A group's key: the session that sees it, and its JID."""

    session_id: str
    group_jid: str


class CommandKey(msgspec.Struct, frozen=True):
    """The id of a command that came over NATS."""

    command_id: str


class ItemKey(msgspec.Struct, frozen=True):
    """A tenant and an item that asks for its attention, as one text."""

    name: str


class QuarantineKey(msgspec.Struct, frozen=True):
    """The id of something in quarantine."""

    thing: str


OF_QUARANTINE = "quarantine-"


def of_campaign(campaign_id: UUID) -> str:
    """Return the stream of a campaign."""
    return f"campaign-{campaign_id}"


def of_recipient(key: Key) -> str:
    """Return the stream of a recipient."""
    return f"recipient-{key[0]}+{key[1]}"


def of_session(session_id: str) -> str:
    """Return the stream of a session."""
    return f"session-{session_id}"


def of_group(key: GroupKey) -> str:
    """Return the stream of a group."""
    return f"group-{key.session_id}+{key.group_jid}"


def of_command(key: CommandKey) -> str:
    """Return the stream of a command."""
    return f"command-{key.command_id}"


def of_item(tenant: str, item: str) -> str:
    """Return the stream of what a tenant makes of an item that asks for its attention."""
    return f"attention-{tenant}+{item}"


def of_quarantined(thing: str) -> str:
    """Return the stream of what became of something in quarantine."""
    return f"{OF_QUARANTINE}{thing}"


def key_of(stream: str) -> UUID | Key | str | GroupKey | CommandKey | ItemKey | QuarantineKey:
    """Return the key that a stream's name holds: a campaign's id, a recipient's key, a session's id, a group's key, a
    command's, an item's, that of something in quarantine.
    """
    kind, _, rest = stream.partition("-")
    match kind:
        case "campaign":
            return UUID(rest)
        case "recipient":
            campaign_id, _, recipient = rest.partition("+")
            return UUID(campaign_id), recipient
        case "session":
            return rest
        case "group":
            session_id, _, group_jid = rest.rpartition("+")
            return GroupKey(session_id, group_jid)
        case "command":
            return CommandKey(rest)
        case "attention":
            return ItemKey(rest)
        case "quarantine":
            return QuarantineKey(rest)
        case _:
            raise ValueError(f"no aggregate is stored as {kind!r}")
