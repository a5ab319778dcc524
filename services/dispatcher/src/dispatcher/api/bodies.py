"""A body that drips is cut off: it may take `seconds`, and as long again for every part of it that has come. One that
cannot be read is the caller's fault.
"""

import asyncio
from typing import Any

from litestar import Request
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage

from dispatcher.api.problems import Refusal
from dispatcher.decoding import UNREADABLE, reason_of
from dispatcher.store.postgres import without_nul

PART_BYTES = 128 << 10
"""So much in that time is a line on which nobody would call; 64 MiB may take over an hour."""


class Body:
    """A body as it comes."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._begun_at: float | None = None
        self._bytes = 0
        self._whole = False

    async def receive(self) -> ReceiveMessage:
        """Return the next piece. Refuses one that comes too late; what comes after the last piece has no limit."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._due_at()):
                piece = await self._receive()
        except TimeoutError:
            raise Refusal(
                408, "the body came too slowly", code="SLOW_BODY", headers={"Connection": "close"}
            ) from None
        if piece["type"] == "http.request":
            self._bytes += len(piece["body"])
            self._whole = not piece["more_body"]
        return piece

    def _due_at(self) -> float:
        if self._begun_at is None:
            self._begun_at = asyncio.get_running_loop().time()
        return self._begun_at + self._seconds * (1 + self._bytes // PART_BYTES)


class JsonRequest(Request[Any, Any, Any]):
    """A request whose body may be nested too deep, or not be UTF-8: Litestar knows only of msgspec's own faults."""

    async def json(self) -> Any:
        """Return the value of the body. Refuses one that cannot be read, and one with a NUL character: no id and no
        word holds one, and PostgreSQL takes none.
        """
        try:
            value = await super().json()
        except UNREADABLE as fault:
            raise Refusal(400, reason_of(fault), code="INVALID_REQUEST") from fault
        body = await self.body()
        if without_nul(body) != body:
            raise Refusal(400, "the body holds a NUL character", code="INVALID_REQUEST")
        return value


class Bodies(ASGIMiddleware):
    """Hands requests on whose bodies must come in time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Hand one on."""
        await next_app(scope, Body(receive, self._seconds).receive, send)
