"""Keys of the API: how they look, how they are written in the setting API_KEYS, and which of them may be retired."""

import re
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, TypeVar

import msgspec

PREFIX = "wadk_"
"""Begins every key that we make, so that one that leaked is recognised, by people and by scanners of secrets."""
ENTROPY_BYTES = 32
MIN_KEY_LENGTH = 16
MOST_LIVE = 100
"""So many keys of one tenant live at once: a request is compared with every key."""

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})$")
_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")

WELL_KNOWN = frozenset(
    {
        "",
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
        "key",
        "my-secret-api-key",
        "password",
        "passwordpassword",
        "replace-me-please",
        "secret",
        "supersecretapikey",
        "supersecretkey",
        "test",
        "test-api-key",
        "token",
        "your-api-key",
        "your-api-key-here",
        "your-secret-key",
        "your-secret-key-here",
    }
)
"""Keys that stand in examples everywhere; compared without case, with `_` and blanks read as `-`."""


class Known(msgspec.Struct, frozen=True):
    """The digest of a key, and whose it is. The key itself is kept nowhere."""

    digest: bytes
    tenant: str


AnyKnown = TypeVar("AnyKnown", bound=Known)


class BadKey(Exception):
    """An entry of API_KEYS is not safe; the text says why, and never shows a key."""


def digest_of(key: str) -> bytes:
    """Return what is kept of a key. One round of SHA-256 is enough: what we make holds 256 random bits."""
    return sha256(key.encode()).digest()


def recognised(known: Iterable[AnyKnown], key: str) -> AnyKnown | None:
    """Return what is known of a key. Every one is compared, in constant time, whichever fits."""
    digest = digest_of(key)
    found: AnyKnown | None = None
    for each in known:
        if compare_digest(each.digest, digest):
            found = each
    return found


def read_entry(entry: str, default_tenant: str) -> Known:
    """Return the key of an entry of API_KEYS: `key` or `tenant:key`, where `sha256:<hex>` may stand for the key.

    Raises `BadKey` for one that others could know or guess, as far as can be seen.
    """
    if named := _DIGEST.search(entry):
        tenant, digest = entry[: named.start()].removesuffix(":"), bytes.fromhex(named[1])
        if digest in _WELL_KNOWN_DIGESTS:
            raise BadKey("the digest of a key that is well known")
    else:
        tenant, _, key = entry.rpartition(":")
        if _folded(key) in WELL_KNOWN or len(key) < MIN_KEY_LENGTH or len(set(key)) == 1:
            raise BadKey(f"a key that is well known or shorter than {MIN_KEY_LENGTH} characters")
        digest = digest_of(key)
    if tenant and not _TENANT.fullmatch(tenant):
        raise BadKey("a tenant with other letters than A-Z, a-z, 0-9, `_`, `-` and `.`")
    return Known(digest, tenant or default_tenant)


def _folded(key: str) -> str:
    return key.strip().lower().replace("_", "-").replace(" ", "-")


_WELL_KNOWN_DIGESTS = frozenset(digest_of(key) for key in WELL_KNOWN)

Refusal = Literal["API_KEY_OF_SETTING", "API_KEY_IN_USE", "LAST_API_KEY"]


def retirement_refusal(
    *, of_setting: bool, used_for_this: bool, others_live: int, force: bool
) -> Refusal | None:
    """Return why a live key may not be retired. The last one never is: nobody could get in any more."""
    if of_setting:
        return "API_KEY_OF_SETTING"
    if others_live == 0:
        return "LAST_API_KEY"
    return "API_KEY_IN_USE" if used_for_this and not force else None
