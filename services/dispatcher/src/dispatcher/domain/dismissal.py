"""What somebody looked at and let be. Each has a stream of its own with this one event."""

import msgspec


class Dismissed(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="attention.dismissed"):
    """A tenant wants to be told no more of an item that asks for attention; `item` is its id."""

    at_ms: int
    tenant: str
    item: str
    by: str
    why: str | None = None
