"""The load: receipts, reactions and session changes about messages that were really sent, at a steady rate."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence

import aiohttp
import msgspec

from local_stack.simulator.bodies import iso
from local_stack.simulator.ledger import Entry

TICK_SECONDS = 0.05
IN_FLIGHT = 256
ANSWER_SECONDS = 10.0
MIX = ("read", "delivered", "read", "again", "reaction", "delivered", "read", "status")
"""One after the other, for ever; `again` repeats the one before it."""
FIRST_READER = 919_000_000_000

Told = tuple[str, dict[str, object]]
"""A hook and a body."""


class Load:
    """Posts callbacks to a gateway. Use `run` once; the counts are there while it runs."""

    def __init__(
        self, http: aiohttp.ClientSession, gateway_url: str, key: str, sent: Sequence[Entry]
    ) -> None:
        self.answers: Counter[str] = Counter()
        self.longest_seconds = 0.0
        self._http = http
        self._url = gateway_url
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._callbacks = callbacks_about(sent)
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def run(self, rate: float, seconds: float) -> None:
        """Post `rate` callbacks a second for so long; return when the last is answered."""
        began, posted = time.monotonic(), 0
        async with asyncio.TaskGroup() as posts:
            while (passed := time.monotonic() - began) < seconds:
                while posted < passed * rate:
                    await self._room.acquire()
                    posts.create_task(self._post(*next(self._callbacks)))
                    posted += 1
                await asyncio.sleep(TICK_SECONDS)

    async def _post(self, hook: str, body: dict[str, object]) -> None:
        began = time.monotonic()
        try:
            async with self._http.post(
                f"{self._url}/webhooks/{hook}",
                data=msgspec.json.encode(body),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            ) as answer:
                await answer.read()
                self.answers[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as failure:
            self.answers[type(failure).__name__] += 1
        finally:
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            self._room.release()


def callbacks_about(sent: Sequence[Entry]) -> "itertools.chain[Told]":
    """Give callbacks for ever: each reader reads once, repeats come between."""
    return itertools.chain.from_iterable(
        _round(entry, FIRST_READER + number) for number, entry in enumerate(itertools.cycle(sent))
    )


def _round(entry: Entry, reader: int) -> list[Told]:
    told: list[Told] = []
    for step, kind in enumerate(MIX):
        told.append(told[-1] if kind == "again" else _told(kind, entry, f"{reader}{step}"))
    return told


def _told(kind: str, entry: Entry, reader: str) -> Told:
    now = iso(time.time_ns() // 1_000_000)
    if kind == "status":
        return "session-status", {"sessionId": entry.session_id, "status": "connected", "timestamp": now}
    about: dict[str, object] = {
        "sessionId": entry.session_id,
        "groupJid": entry.recipient,
        "messageId": entry.message_id,
        "timestamp": now,
    }
    if kind == "reaction":
        return "reaction", about | {"event": "reaction_add", "reactorPhone": reader, "emoji": "👍"}
    return "read-receipt", about | {"event": kind, "readerPhone": reader}
