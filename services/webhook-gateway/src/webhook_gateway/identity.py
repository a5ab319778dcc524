"""Identity of callbacks: an id made from the content, so that the same thing said twice is one message."""

from hashlib import blake2b


def content_id(prefix: str, *parts: str) -> str:
    """Return `<prefix>-` and 32 hex digits over the parts; the parts' lengths are hashed along.

    Without the lengths ("ab", "c") and ("a", "bc") would be the same callback.
    """
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{prefix}-{blake2b(joined.encode(), digest_size=16).hexdigest()}"
