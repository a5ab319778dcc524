"""Which addresses of media the VPS may be told to fetch. It stands inside somebody's network, so an address is a way
in: only http and https, only hosts that are allowed, and none that is written as a private or a loopback address.

What a name resolves to is known where it is fetched, not here; whoever must be sure sets MEDIA_HOSTS.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

NAT64 = 0x64_FF9B << 96
"""The IPv6 prefix 64:ff9b::/96, behind which an IPv4 address stands."""

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_PATTERN = re.compile(r"(\*\.)?[a-z0-9.:-]+")
_LAST_NUMBER = re.compile(r"(^|\.)(0x[0-9a-f]*|[0-9]+)$")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain")


def is_pattern(text: str) -> bool:
    """Tell whether a text may stand in MEDIA_HOSTS: `media.example.com`, or `*.example.com` for all below it."""
    return _PATTERN.fullmatch(text) is not None


def media_refusal(url: str, hosts: Collection[str]) -> str | None:
    """Return why an address may not be fetched, if so. `hosts` are the only ones allowed; none for all public."""
    if _UNSAFE.search(url):
        return "holds blanks, control characters or backslashes"
    try:
        parts = urlsplit(url)
        host, port = _canonical(parts.hostname or ""), parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "is not an http:// or https:// address"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or a password"
    if hosts:
        return None if any(_fits(host, pattern) for pattern in hosts) else "is at a host that is not allowed"
    return None if _is_public(host) else "is not at a public host"


def _canonical(host: str) -> str:
    """Return a host as the DNS knows it; raises ValueError (UnicodeError) for what is none."""
    if ":" in host or not host:
        return host
    return host.encode("idna").decode().lower().rstrip(".")


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def _is_public(host: str) -> bool:
    if ":" in host:
        return _is_global(ip_address(host.partition("%")[0]))
    if _LAST_NUMBER.search(host):
        address = _ipv4(host)
        return address is not None and _is_global(address)
    private = any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES)
    return not private and _NAME.fullmatch(host) is not None


def _ipv4(host: str) -> IPv4Address | None:
    """Return the address in any way that it is written: 127.1, 0x7f000001, 0177.0.0.1 and 2130706433 are one."""
    try:
        *first, last = [_number(part) for part in host.split(".")]
    except ValueError:
        return None
    room = 1 << 8 * (4 - len(first))
    if len(first) > 3 or any(number > 255 for number in first) or last >= room:
        return None
    return IPv4Address(sum(number << 8 * (3 - at) for at, number in enumerate(first)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and int(address) >> 32 in (NAT64 >> 32, 0):
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return _is_global(inner)
    return address.is_global and not address.is_multicast
