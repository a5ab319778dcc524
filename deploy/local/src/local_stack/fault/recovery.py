"""Recovery: how long after a fault all is well again: every part ready, and a callback goes all the way through."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import asyncpg
import msgspec

from local_stack.fault.evidence import Body, Callback
from local_stack.fault.field import Field
from local_stack.fault.kinds import DISPATCHERS, SIMULATOR
from local_stack.places import http_url
from local_stack.ports import LOOPBACK
from local_stack.probes import is_ready

POLL_SECONDS = 0.1
ANSWER_SECONDS = 3.0
HOOK = "session-status"
ACCEPTED = 202

_RECORDED = "SELECT EXISTS (SELECT FROM events WHERE stream = 'session-' || $1)"


class NotRecoveredError(RuntimeError):
    """The system was not well again in time; the message says what was not."""


class _Taken(msgspec.Struct):
    id: str


class Recovery:
    """Sends a callback of a session of its own through the system, and waits until it is recorded."""

    def __init__(self, field: Field, http: aiohttp.ClientSession) -> None:
        self.probes: list[Callback] = []
        self._field = field
        self._http = http
        self._numbers = itertools.count(1)

    async def wait(self, within_seconds: float) -> float:
        """Return after how many seconds all was well. Raises NotRecoveredError."""
        started = time.monotonic()
        session_id = f"probe_{next(self._numbers)}"
        steps: dict[str, Callable[[], Awaitable[bool]]] = {
            "the gateway takes no callback": partial(self._post, session_id, time.time_ns() // 1_000_000),
            "the callback is not recorded": partial(self._is_recorded, session_id),
            "not all parts are ready": partial(asyncio.to_thread, self._all_ready),
        }
        lacking = ""
        try:
            async with asyncio.timeout(within_seconds):
                for lacking, is_done in steps.items():  # noqa: B007 - told when the time is up
                    await until(is_done)
        except TimeoutError:
            raise NotRecoveredError(f"not well after {within_seconds:g} s: {lacking}") from None
        return time.monotonic() - started

    def _all_ready(self) -> bool:
        """Tell whether all parts take work, and no loop of a dispatcher pauses after a crash."""
        workers = (http_url(LOOPBACK, self._field.ports.parts[name]) for name in DISPATCHERS)
        return all(part.is_ready() for part in self._field.parts.values()) and all(
            is_ready(f"{url}/health/live") for url in workers
        )

    async def _post(self, session_id: str, at_ms: int) -> bool:
        """Tell the gateway, as the VPS would; return whether it took it."""
        place = self._field.place(SIMULATOR)
        body = {"sessionId": session_id, "status": "connected", "timestamp": at_ms}
        headers = {"X-API-Key": place.webhook_api_key}
        try:
            async with self._http.post(
                f"{place.gateway_url}/webhooks/{HOOK}",
                json=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            ) as answer:
                if answer.status != ACCEPTED:
                    return False
                taken = msgspec.json.decode(await answer.read(), type=_Taken)
        except (aiohttp.ClientError, TimeoutError):
            return False
        self.probes.append(
            Callback(hook=HOOK, answer=str(ACCEPTED), body=Body(session_id=session_id), id=taken.id)
        )
        return True

    async def _is_recorded(self, session_id: str) -> bool:
        try:
            connection = await asyncpg.connect(self._field.place().database_url, timeout=ANSWER_SECONDS)
            try:
                return bool(await connection.fetchval(_RECORDED, session_id, timeout=ANSWER_SECONDS))
            finally:
                connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False


async def until(is_done: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, until it is done."""
    while True:
        if await is_done():
            return
        await asyncio.sleep(POLL_SECONDS)
