"""What every message on NATS carries, whatever it says."""

from datetime import datetime
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time on the wire: ISO 8601 with its zone. Written in UTC; a text without a zone is refused."""

DEFAULT_TENANT = "default"
"""The tenant of a key that names none."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The envelope, flat beside the content; `type` is the tag of the concrete struct.

    `id` is unique per message and is its `Nats-Msg-Id`; `correlation` is shared by all that one command
    or callback set off; `causation` is the id of the message that led to this one. `time` is when the
    message was made, in UTC. `version` counts incompatible changes of the struct.
    """

    id: str
    time: Instant
    tenant: str = DEFAULT_TENANT
    correlation: str
    causation: str | None = None
    version: int = 1


def type_of(message: type[Message] | Message) -> str:
    """Return the stored name of a message, `<noun>.<verb>`."""
    return str(message.__struct_config__.tag)
