"""Where each part of the stack is found: the given URLs and ports, the rest chosen once for a run."""

from collections.abc import Callable

import msgspec

from local_stack.ports import LOOPBACK
from local_stack.settings import Settings

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The ports of what we start. NATS's monitoring pages have one of their own."""

    gateway_port: int
    api_port: int
    vps_port: int
    nats_port: int
    nats_monitor_port: int
    postgres_port: int


def choose_places(settings: Settings, next_port: Callable[[], int]) -> Places:
    """Take the given ports and choose the others."""
    return Places(
        gateway_port=settings.gateway_port or next_port(),
        api_port=settings.api_port or next_port(),
        vps_port=settings.vps_port or next_port(),
        nats_port=settings.nats_port or next_port(),
        nats_monitor_port=next_port(),
        postgres_port=settings.postgres_port or next_port(),
    )


def http_url(host: str, port: int) -> str:
    """Return the URL by which we reach a server of ours that listens on `host`."""
    reachable = LOOPBACK if host in EVERYWHERE else host
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
