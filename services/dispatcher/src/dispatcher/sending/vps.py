"""The VPS, called over HTTP. Each answer is a value; what cannot be read is unknown, never a failure."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec

from contracts.wire import ConnectAnswer, MessageStatusRequest, SendRequest, SessionRequest
from dispatcher.answers import (
    Answer,
    NotTaken,
    Remembered,
    SessionTold,
    Unknown,
    Unreachable,
    read_lookup,
    read_send,
    read_status,
)
from dispatcher.decoding import UNREADABLE
from dispatcher.group_listing import Listed, Unlisted, read_groups

KEEPALIVE_SECONDS = 3
"""Below Node's own 5 s, so that we seldom write into a connection that the VPS is closing: that outcome is unknown."""
CONNECT_SHARE = 0.5
"""The part of a call's time that its connection may take. It ends first: what was never written was not taken."""
ANSWER_BYTES = 64 << 10
"""So much of an answer is read; one that is longer is cut, and can be read no more."""

_encode = msgspec.json.Encoder().encode


class Vps:
    """A client for one VPS. `timeout_seconds` bounds a whole call, `groups_mb` a list of groups (MiB). As many
    connections are open as there are calls: the lanes of the sessions bound them, and no message waits for another
    session's answer.
    """

    def __init__(self, url: str, key: str, timeout_seconds: float, groups_mb: int) -> None:
        self._url = url.rstrip("/")
        self._groups_bytes = groups_mb << 20
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=timeout_seconds * CONNECT_SHARE)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS)
        self._http = aiohttp.ClientSession(connector=connector, timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Hand one message over."""
        headers = {"Idempotency-Key": idempotency_key}
        try:
            async with self._call("POST", "/send", data=_encode(request), headers=headers) as answer:
                return read_send(answer.status, await _body(answer), answer.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotTaken("the VPS cannot be reached", type(error).__name__)
        except TimeoutError:
            return Unknown("the VPS did not answer in time")
        except aiohttp.ClientError as error:
            return Unknown(f"the connection broke ({type(error).__name__})")

    async def look_up(self, request: MessageStatusRequest) -> Remembered:
        """Ask what the VPS remembers of the last message to a recipient."""
        try:
            async with self._call("POST", "/message-status", data=_encode(request)) as answer:
                return read_lookup(answer.status, await _body(answer))
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unreachable(type(error).__name__)

    async def status(self, session_id: str) -> SessionTold | Unreachable:
        """Ask for the state of a session."""
        try:
            async with self._call("GET", f"/status/{_segment(session_id)}") as answer:
                return read_status(answer.status, await _body(answer))
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unreachable(type(error).__name__)

    async def groups(self, session_id: str) -> Listed | Unlisted:
        """Ask for the groups of a session, with their invite links."""
        path = f"/groups/{_segment(session_id)}"
        try:
            async with self._call("GET", path, params={"includeInviteLinks": "true"}) as answer:
                return read_groups(answer.status, await _body(answer, self._groups_bytes))
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unlisted(type(error).__name__)

    async def connect(self, session_id: str) -> str | Unreachable:
        """Let the VPS connect a session; return the id that the session has then."""
        body = _encode(SessionRequest(session_id=session_id))
        try:
            async with self._call("POST", "/connect", data=body) as answer:
                return _connected(answer.status, await _body(answer), session_id)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unreachable(type(error).__name__)

    async def disconnect(self, session_id: str) -> Unreachable | None:
        """Let the VPS disconnect a session; None when it did."""
        try:
            async with self._call("POST", f"/disconnect/{_segment(session_id)}") as answer:
                return (
                    None if 200 <= answer.status < 300 else Unreachable(f"the VPS answered {answer.status}")
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unreachable(type(error).__name__)

    def _call(
        self, method: str, path: str, **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Call the VPS, and nobody else: whoever answers with a redirect is not it, and must not pass our key on."""
        return self._http.request(method, f"{self._url}{path}", allow_redirects=False, **options)


async def _body(answer: aiohttp.ClientResponse, limit: int = ANSWER_BYTES) -> bytes:
    """Return the body of an answer, or its beginning."""
    body = bytearray()
    while len(body) < limit and (part := await answer.content.read(limit - len(body))):
        body += part
    return bytes(body)


def _segment(session_id: str) -> str:
    """Return a session's id as one part of a path."""
    return quote(session_id, safe="")


def _connected(status: int, body: bytes, session_id: str) -> str | Unreachable:
    if not 200 <= status < 300:
        return Unreachable(f"the VPS answered {status}")
    try:
        return msgspec.json.decode(body, type=ConnectAnswer).session_id or session_id
    except UNREADABLE:
        return session_id


class SwitchedOff:
    """Stands where the VPS would: everything happens but the call (`SEND_ENABLED=false`)."""

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Take nothing."""
        del request, idempotency_key
        return NotTaken("sending is switched off")
