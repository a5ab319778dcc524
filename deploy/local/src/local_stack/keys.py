"""The secrets of a local stack: made at the first run, kept in `keys.json`, or given by the environment."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from local_stack.private_files import write_private
from local_stack.settings import Settings


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """One key for each door: the VPS at the gateway, operators at the API, us at the VPS."""

    webhook_api_key: str
    api_key: str
    vps_api_key: str


def keep_keys(path: Path, make_key: Callable[[], str]) -> Keys:
    """Return the keys of `path`; the first time they are made and written."""
    if not path.exists():
        made = Keys(webhook_api_key=make_key(), api_key=make_key(), vps_api_key=make_key())
        write_private(path, msgspec.json.encode(made))
    return msgspec.json.decode(path.read_bytes(), type=Keys)


def effective_keys(kept: Keys, settings: Settings) -> Keys:
    """Return the keys that clients use: the first of each given list, else the kept ones."""
    return Keys(
        webhook_api_key=first_key(settings.webhook_api_keys) or kept.webhook_api_key,
        api_key=first_key(settings.api_keys) or kept.api_key,
        vps_api_key=settings.vps_api_key or kept.vps_api_key,
    )


def first_key(listed: str | None) -> str | None:
    """Return the first key of a list as the services read it: `key` or `tenant:key`, with commas between."""
    if not listed:
        return None
    tenant, colon, key = listed.split(",")[0].strip().partition(":")
    return key if colon else tenant
