"""Where the API is, and the key that it wants: from the options, the environment, or a stack that runs here."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from dispatcher.cli.exits import Exit, Failure
from dispatcher.decoding import UNREADABLE

Stack = TypeVar("Stack")

DEFAULT_URL = "http://127.0.0.1:8081"


class Place(msgspec.Struct, frozen=True):
    """An API, and a key for it."""

    url: str
    key: str


class _StackFile(msgspec.Struct, frozen=True):
    api_url: str
    api_key: str


class _Servers(_StackFile, frozen=True):
    database_url: str
    nats_url: str
    vps_url: str
    vps_api_key: str
    nats_monitor_url: str = ""


def find(url: str | None, key: str | None, environment: Mapping[str, str]) -> Place:
    """Return the place of these options. `.local/stack.json` counts only where neither url nor key is given.

    Raises Failure when there is no key, or when the url is none.
    """
    key = key or _key(environment)
    if not url and not key:
        stack = _running_here(environment, _StackFile)
        if stack is not None:
            return Place(stack.api_url, stack.api_key)
    if not key:
        raise Failure("no key for the API: set API_KEY (or API_KEY_FILE), or give --api-key", Exit.USAGE)
    return Place(_checked(url or DEFAULT_URL), key)


def surroundings(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return a server's settings as they are given; where none names a database, those of a stack that runs here."""
    given = environment.get("DATABASE_URL") or environment.get("DATABASE_URL_FILE")
    stack = None if given else _running_here(environment, _Servers)
    if stack is None:
        return environment
    port = urlsplit(stack.api_url).port
    return {
        "API_KEYS": stack.api_key,
        "API_PORT": str(port or 80),
        "DATABASE_URL": stack.database_url,
        "NATS_URL": stack.nats_url,
        "NATS_MONITOR_URL": stack.nats_monitor_url,
        "VPS_URL": stack.vps_url,
        "VPS_API_KEY": stack.vps_api_key,
        **environment,
    }


def _key(environment: Mapping[str, str]) -> str | None:
    path = environment.get("API_KEY_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise Failure(f"API_KEY_FILE cannot be read: {error.strerror}", Exit.USAGE) from None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"API_URL is not an http:// or https:// address: {url}", Exit.USAGE)
    return url.rstrip("/")


def _running_here(environment: Mapping[str, str], kind: type[Stack]) -> Stack | None:
    """Return what `make up` wrote, if it runs in this folder."""
    path = Path(environment.get("LOCAL_DIR") or ".local") / "stack.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, *UNREADABLE):
        return None
