"""What makes two requests the same: one text for what is sent, through which session, when and to whom.

The order of the recipients does not matter. Whose request it is stands beside the fingerprint, not in it.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from dispatcher.domain.campaign import Content

Addressee = tuple[str, dict[str, str] | None]
"""A JID, and what its message is filled with."""

_encode = msgspec.json.Encoder(order="sorted").encode


def fingerprint(
    session_id: str, content: Content, scheduled_at_ms: int | None, recipients: Iterable[Addressee]
) -> str:
    """Return the fingerprint, 64 hexadecimal digits."""
    digest = sha256(_encode([session_id, content, scheduled_at_ms]))
    for addressee in sorted(recipients, key=lambda one: one[0]):
        digest.update(_encode(addressee))
    return digest.hexdigest()
