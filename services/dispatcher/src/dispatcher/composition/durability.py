"""Whether NATS flushes a message before it acknowledges it: its monitoring page alone tells."""

import time

import aiohttp
import msgspec

from dispatcher.decoding import UNREADABLE

LOOK_SECONDS = 60.0
"""How old the answer may be that readiness gives."""
CALL_SECONDS = 5.0
NOT_FLUSHED = "NATS acknowledges before it flushes: set `sync_interval: always`, a power cut loses messages"


class _Config(msgspec.Struct, frozen=True):
    sync_always: bool = False


class _JetStream(msgspec.Struct, frozen=True):
    config: _Config | None = None


async def flushes(http: aiohttp.ClientSession, monitor_url: str) -> bool | None:
    """Return whether an acknowledged message is on the disk; None where the page does not answer."""
    try:
        async with http.get(f"{monitor_url.rstrip('/')}/jsz?config=true") as answer:
            state = msgspec.json.decode(await answer.read(), type=_JetStream)
    except (aiohttp.ClientError, TimeoutError, *UNREADABLE):
        return None
    return state.config is not None and state.config.sync_always


class Durability:
    """Readiness's look at it, where the address is set; a page that does not answer fails nothing."""

    def __init__(self, monitor_url: str) -> None:
        self._url = monitor_url
        self._looked_at: float | None = None
        self._found: str | None = None

    async def check(self) -> str | None:
        """Return what is wrong, as it was within the last minute."""
        now = time.monotonic()
        if self._url and (self._looked_at is None or now - self._looked_at > LOOK_SECONDS):
            self._looked_at = now
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as http:
                self._found = NOT_FLUSHED if await flushes(http, self._url) is False else None
        return self._found
