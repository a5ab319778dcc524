"""What became of a command that came over NATS. Each command has a stream of its own with this one event: it is the
answer to whoever sent it, and keeps a command that is delivered again from being carried out twice.
"""

import msgspec


class CommandAnswer(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """An answer; `command` is the command's type, `broadcast_id` the campaign that it names."""

    at_ms: int
    command: str
    broadcast_id: str


class CommandAccepted(CommandAnswer, frozen=True, tag="campaign.command_accepted"):
    """It is carried out, or was so already."""


class CommandRejected(CommandAnswer, frozen=True, tag="campaign.command_rejected"):
    """It is not carried out; `code` is a stable word for programs."""

    code: str
    detail: str


Event = CommandAccepted | CommandRejected
