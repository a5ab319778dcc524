"""The load: requests that were rendered before, over keep-alive connections, one in flight on each.

As lean as it can be, since on two cores it takes away from what it measures. Any answer but 202 `accepted`
fails the round.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from typing import cast

from local_stack.bench.figure import MeasurementError

HEAD_END = b"\r\n\r\n"
GOOD_START = b"HTTP/1.1 202"
GOOD_BODY = b'"accepted"'
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
SHOWN = 300
"""Bytes of a wrong answer that are shown."""


class Round:
    """The requests of one round, handed to its connections as they become free."""

    def __init__(self, requests: Sequence[bytes], finished: asyncio.Future[None]) -> None:
        self._left: Iterator[bytes] = iter(requests)
        self._unanswered = len(requests)
        self._finished = finished

    def next_request(self) -> bytes | None:
        """Take the next request; None when all are taken."""
        return next(self._left, None)

    def count(self, answer: bytes) -> None:
        """Count an answer. The last one ends the round, a wrong one fails it."""
        if not answer.startswith(GOOD_START) or GOOD_BODY not in answer:
            self.fail(f"an answer was not 202 accepted: {answer[:SHOWN]!r}")
            return
        self._unanswered -= 1
        if self._unanswered == 0 and not self._finished.done():
            self._finished.set_result(None)

    def fail(self, reason: str) -> None:
        """End the round as worthless."""
        if not self._finished.done():
            self._finished.set_exception(MeasurementError(reason))


class Connection(asyncio.Protocol):
    """One connection: sends a request, waits for its whole answer, takes the next."""

    def __init__(self, served: Round) -> None:
        self._round = served
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; nothing is sent before all connections stand."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def send_next(self) -> None:
        """Send the next request, if any is left."""
        request = self._round.next_request()
        if request is not None:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Gather an answer, and go on once it is whole."""
        self._received += data
        if is_whole(self._received):
            answer, self._received = self._received, b""
            self._round.count(answer)
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the round, unless it is over."""
        self._round.fail(f"a connection was lost: {exc!r}")


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has come to the end of its body."""
    head, end, body = answer.partition(HEAD_END)
    length = LENGTH.search(head) if end else None
    return length is not None and len(body) >= int(length[1])


async def run_round(host: str, port: int, connections: int, requests: Sequence[bytes]) -> float:
    """Send all requests; return the seconds until the last answer. Raises MeasurementError.

    The connections are opened before the clock starts.
    """
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[None] = loop.create_future()
    served = Round(requests, finished)
    opened = [
        (await loop.create_connection(lambda: Connection(served), host, port))[1] for _ in range(connections)
    ]
    try:
        started = time.perf_counter()
        for connection in opened:
            connection.send_next()
        await finished
        return time.perf_counter() - started
    finally:
        for connection in opened:
            connection.transport.abort()
