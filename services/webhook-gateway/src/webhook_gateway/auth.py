"""Keys: who may post callbacks, and for which tenant. Checked before a byte of the body is read."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest

import msgspec

from contracts.envelope import DEFAULT_TENANT

MIN_KEY_LENGTH = 16

HASHED = "sha256"

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")

WELL_KNOWN_KEYS = frozenset(
    {
        "0123456789abcdef",
        "1234567890123456",
        "admin",
        "api-key",
        "apikey",
        "change-me-please",
        "changeme",
        "changemechangeme",
        "changethissecret",
        "default",
        "demo",
        "my-secret-api-key",
        "password",
        "passwordpassword",
        "replace-me-please",
        "secret",
        "supersecretapikey",
        "supersecretkey",
        "test",
        "test-api-key",
        "test-webhook-key",
        "test-webhook-secret",
        "webhook-secret",
        "webhook-secret-key",
        "whatsapp-webhook-secret",
        "your-api-key",
        "your-api-key-here",
        "your-secret-key",
        "your-secret-key-here",
        "your-webhook-secret",
        "your-webhook-secret-key",
    }
)
"""Keys that stand in examples everywhere; compared without case, with `_` and blanks read as `-`."""


class KeysError(ValueError):
    """The list of keys is not safe to start with. Never holds a key."""


class Caller(msgspec.Struct, frozen=True):
    """Who posts: the tenant, and the SHA-256 of the key, by which its requests are counted."""

    tenant: str
    digest: bytes

    @property
    def fingerprint(self) -> str:
        """What names the key in metrics: the first 8 hex digits of its digest."""
        return self.digest.hex()[:8]


def read_callers(text: str) -> tuple[Caller, ...]:
    """Return the callers of a comma-separated list. Raises `KeysError`.

    An entry is `key` or `tenant:key`; for the key may stand `sha256:` and the 64 hex digits of its SHA-256.
    """
    callers = tuple(_caller(entry.strip(), place) for place, entry in enumerate(_entries(text), start=1))
    if not callers:
        raise KeysError("holds no key: give at least one, as `openssl rand -hex 32` makes")
    return callers


def _entries(text: str) -> Iterable[str]:
    return (entry for entry in text.replace("\n", ",").split(",") if entry.strip())


def _caller(entry: str, place: int) -> Caller:
    tenant, key = entry.split(":", 1) if ":" in entry else (DEFAULT_TENANT, entry)
    if tenant == HASHED and _DIGEST.fullmatch(key):
        tenant, key = DEFAULT_TENANT, entry
    if not _TENANT.fullmatch(tenant):
        raise KeysError(f"key {place} has no good tenant before its colon (letters, digits, `_`, `-`)")
    if key.startswith(f"{HASHED}:"):
        return Caller(tenant, _read_digest(key.removeprefix(f"{HASHED}:"), place))
    if any(known in WELL_KNOWN_KEYS for known in (_folded(key), _folded(entry))):
        raise KeysError(f"key {place} is a well-known one: choose a random key")
    if len(key) < MIN_KEY_LENGTH:
        raise KeysError(f"key {place} is shorter than {MIN_KEY_LENGTH} characters")
    if len(set(key)) == 1:
        raise KeysError(f"key {place} is one character repeated: choose a random key")
    return Caller(tenant, _digest(key.encode()))


def _read_digest(text: str, place: int) -> bytes:
    if not _DIGEST.fullmatch(text):
        raise KeysError(f"key {place} does not hold 64 hex digits after `{HASHED}:`")
    digest = bytes.fromhex(text)
    if digest in {_digest(known.encode()) for known in WELL_KNOWN_KEYS}:
        raise KeysError(f"key {place} is a well-known one: choose a random key")
    return digest


def _folded(key: str) -> str:
    return key.strip().lower().replace("_", "-").replace(" ", "-")


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def recognised(callers: Sequence[Caller], presented: bytes | None) -> Caller | None:
    """Return the caller that a key belongs to. Every key is compared, in constant time, whatever matches."""
    if presented is None:
        return None
    digest = _digest(presented)
    found = None
    for caller in callers:
        if compare_digest(caller.digest, digest):
            found = caller
    return found


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the key of a request's headers: `X-API-Key`, else `Authorization: Bearer`."""
    bearer = None
    for name, text in headers:
        if name == b"x-api-key":
            return text
        if name == b"authorization" and text[:7].lower() == b"bearer ":
            bearer = text[7:].strip()
    return bearer
