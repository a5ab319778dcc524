"""How the API shows keys: never the key itself, but for the one time when it is made."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from dispatcher.store.api_keys import StoredKey, Use
from dispatcher.translate import to_time


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key. `source`: made by an operator, or standing in API_KEYS. `current`: it is the key of this request.
    `uses` and `last_used_at` lag behind other replicas by some seconds.
    """

    key_id: UUID
    label: str
    source: Literal["operator", "setting"]
    live: bool
    current: bool
    created_at: datetime | None = None
    created_by: str | None = None
    retired_at: datetime | None = None
    retired_by: str | None = None
    last_used_at: datetime | None = None
    uses: int = 0


class MadeKey(KeyView, frozen=True, kw_only=True):
    """A new key; `key` is shown this once."""

    key: str


def stored_view(key: StoredKey, use: Use | None, current: UUID) -> KeyView:
    """Return a key that an operator made."""
    return KeyView(
        key_id=key.key_id,
        label=key.label,
        source="operator",
        live=key.retired_at_ms is None,
        current=key.key_id == current,
        created_at=to_time(key.created_at_ms),
        created_by=key.created_by,
        retired_at=None if key.retired_at_ms is None else to_time(key.retired_at_ms),
        retired_by=key.retired_by,
        last_used_at=to_time(use.last_used_at_ms) if use else None,
        uses=use.uses if use else 0,
    )


def setting_view(key_id: UUID, use: Use | None, current: UUID) -> KeyView:
    """Return a key of the setting."""
    return KeyView(
        key_id=key_id,
        label="API_KEYS",
        source="setting",
        live=True,
        current=key_id == current,
        last_used_at=to_time(use.last_used_at_ms) if use else None,
        uses=use.uses if use else 0,
    )
