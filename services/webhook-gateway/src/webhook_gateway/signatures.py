"""Signatures: Standard Webhooks (HMAC-SHA256 over id, time and body), beside the key, for senders that sign.

The key says who it is before the body is read; the signature, which needs the body, proves that it is whole and new.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Literal, get_args

import msgspec

from contracts.envelope import DEFAULT_TENANT

Mode = Literal["off", "accepted", "required"]

ID, TIMESTAMP, SIGNATURE = b"webhook-id", b"webhook-timestamp", b"webhook-signature"
PREFIX = "whsec_"
VERSION = b"v1,"
MIN_SECRET_BYTES = 24
"""What the standard asks for at the least."""

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS = re.compile(rb"[0-9]{1,12}")


class SignaturesError(ValueError):
    """The settings of signatures cannot be worked with. Never holds a secret."""


class BadSignatureError(Exception):
    """A signature is missing, wrong, or not of this time."""


class Signatures(msgspec.Struct, frozen=True):
    """Which tenant's callbacks must be signed, by which secrets, and how far off their time may be."""

    modes: Mapping[str, Mode]
    secrets: Mapping[str, tuple[bytes, ...]]
    tolerance_seconds: float

    def check(self, tenant: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, now_s: float) -> None:
        """Raise `BadSignatureError` unless a callback may pass. `now_s` is epoch seconds."""
        mode = self.modes.get(tenant, self.modes[DEFAULT_TENANT])
        if mode == "off":
            return
        given = {name: text for name, text in headers if name in (ID, TIMESTAMP, SIGNATURE)}
        if not given and mode == "accepted":
            return
        if len(given) < len((ID, TIMESTAMP, SIGNATURE)) or not _SECONDS.fullmatch(given[TIMESTAMP]):
            raise BadSignatureError
        if abs(now_s - int(given[TIMESTAMP])) > self.tolerance_seconds:
            raise BadSignatureError
        signed = b".".join((given[ID], given[TIMESTAMP], body))
        if not _matches(self.secrets.get(tenant, ()), signed, given[SIGNATURE]):
            raise BadSignatureError


def _matches(secrets: Iterable[bytes], signed: bytes, header: bytes) -> bool:
    """Whether one of the signatures is by one of the secrets. All are compared, in constant time."""
    presented = [each.removeprefix(VERSION) for each in header.split(b" ") if each.startswith(VERSION)]
    found = False
    for secret in secrets:
        expected = base64.b64encode(digest(secret, signed, sha256))
        for each in presented:
            found |= compare_digest(expected, each)
    return found


def read_signatures(modes: str, secrets: str, tolerance_seconds: float) -> Signatures:
    """Parse `mode` or `tenant:mode`, and `whsec_…` or `tenant:whsec_…`, comma-separated. Raises `SignaturesError`."""
    by_tenant: dict[str, Mode] = {DEFAULT_TENANT: "off"}
    for tenant, word in _entries(modes):
        by_tenant[tenant] = _mode(word)
    kept: dict[str, tuple[bytes, ...]] = {}
    for tenant, text in _entries(secrets):
        kept[tenant] = (*kept.get(tenant, ()), _secret(text))
    for tenant, mode in by_tenant.items():
        if mode == "required" and tenant not in kept:
            raise SignaturesError(f"signatures of tenant {tenant} are required, but it has no secret")
    return Signatures(by_tenant, kept, tolerance_seconds)


def _entries(text: str) -> Iterable[tuple[str, str]]:
    for entry in filter(None, (each.strip() for each in text.replace("\n", ",").split(","))):
        tenant, _, rest = entry.rpartition(":")
        tenant = tenant or DEFAULT_TENANT
        if not _TENANT.fullmatch(tenant):
            raise SignaturesError("what stands before a colon must be a tenant (letters, digits, `_`, `-`)")
        yield tenant, rest


def _mode(word: str) -> Mode:
    try:
        mode: Mode = msgspec.convert(word, Mode)
    except msgspec.ValidationError:
        raise SignaturesError(f"each mode must be one of {', '.join(get_args(Mode))}") from None
    return mode


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise SignaturesError(f"each secret must be base64 after `{PREFIX}`") from None
    if len(secret) < MIN_SECRET_BYTES:
        raise SignaturesError(f"a secret is shorter than {MIN_SECRET_BYTES} bytes")
    return secret
