"""Pull messages of a durable continuously: as they come, with no polling, and never silent for long.

One standing request asks for as many messages as may be under way; it is topped up as they arrive. The server sends
heartbeats while it has none: when those stay away (it was restarted, or forgot the request) we ask anew. On a new
connection we do so at once: what was asked for on the old one is lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.streams import Durable

log = logging.getLogger(__name__)

EXPIRES_SECONDS = 30.0
HEARTBEAT_SECONDS = 2.0
SILENT_SECONDS = 2.5 * HEARTBEAT_SECONDS
"""So long without a message or a heartbeat, and the standing request is taken for lost."""

SILENCES = 3
"""So often in a row in vain, and the subscription is given up, for its loop to begin anew."""
LOOK_SECONDS = 0.5
"""So often we look whether the connection is a new one."""

HEARTBEAT = "100"
ENDED = frozenset({"404", "408", "409"})
"""The statuses that end a request and leave nothing to mend."""
STATUS = "Status"
LEFT_OVER = "Nats-Pending-Messages"
"""In the status that ends a request: how many messages it had still asked for."""

_encode = msgspec.json.Encoder().encode


class Pull:
    """The messages of one durable, and how many more are asked for. `size` bounds a batch."""

    def __init__(self, client: Client, durable: Durable, size: int) -> None:
        self._client = client
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}"
        self._durable = durable
        self._inbox = client.new_inbox()
        self._size = size
        self._asked = 0
        self._arrived: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._broken: str | None = None
        self._silences = 0
        self._connection = self._reconnects

    @property
    def _reconnects(self) -> int:
        """How often the client has connected anew."""
        return self._client.stats["reconnects"]

    async def receive(self, message: Msg) -> None:
        """Take what the server sends: a message, a heartbeat, or the end of a request."""
        status = message.headers.get(STATUS) if message.headers else None
        if status is None:
            self._arrived.append(message)
            self._asked -= 1
        elif status != HEARTBEAT and message.headers:
            self._asked -= int(message.headers.get(LEFT_OVER, self._asked))
            self._broken = None if status in ENDED else f"the server answers {status} to a pull"
        self._news.set()

    async def batch(self) -> list[Msg]:
        """Return what has arrived, waiting for the first; empty when nothing came for a while. Raises ConnectionError
        when the server refuses to deliver, or says nothing however often it is asked.
        """
        if self._broken:
            raise ConnectionError(self._broken)
        await self._ask()
        if not self._arrived:
            self._news.clear()
            if await self._hears_something():
                self._silences = 0
            else:
                self._ask_anew()
        return self._take()

    def _ask_anew(self) -> None:
        """Forget the standing request. Raises ConnectionError when that has not helped before, on this connection."""
        log.warning("durable=%s silent; asking anew", self._durable.name)
        self._asked = 0
        same = self._client.is_connected and self._connection == self._reconnects
        self._silences = self._silences + 1 if same else 0
        if self._silences >= SILENCES:
            raise ConnectionError(f"the server does not answer the pulls of {self._durable.name}")

    async def _hears_something(self) -> bool:
        """Wait for news; return whether any came before the standing request counts as lost."""
        for _ in range(round(SILENT_SECONDS / LOOK_SECONDS)):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_SECONDS)
                return True
            if self._connection != self._reconnects:
                return False
        return False

    def _take(self) -> list[Msg]:
        return [self._arrived.popleft() for _ in range(min(len(self._arrived), self._size))]

    async def _ask(self) -> None:
        """Ask for more once at most a batch is under way or waits here: while one is handled the next arrives."""
        under_way = max(self._asked, 0) + len(self._arrived)
        if under_way > self._size:
            return
        more = 2 * self._size - under_way
        request = {
            "batch": more,
            "expires": round(EXPIRES_SECONDS * 1e9),
            "idle_heartbeat": round(HEARTBEAT_SECONDS * 1e9),
        }
        self._asked = max(self._asked, 0) + more
        self._connection = self._reconnects
        await self._client.publish(self._next, _encode(request), reply=self._inbox)

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[None]:
        """Listen for the answers while the context lasts. What has arrived by its end and was not taken is handed
        back, so that others get it at once and not when its acknowledgement is overdue.
        """
        subscription = await self._client.subscribe(self._inbox, cb=self.receive)
        try:
            yield
        finally:
            if self._client.is_connected:
                await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py has no types here
                for message in self._arrived:
                    await message.nak()
            elif not self._client.is_closed:
                await subscription.unsubscribe()
