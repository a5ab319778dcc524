"""The flood: large callbacks, posted until the gateway's spool takes no more. A full disk is felt by those alone who
write to it, and SQLite first writes over what it has allocated before.
"""

import asyncio
import itertools
import re

import aiohttp
import msgspec

from local_stack.fault.evidence import Body, Callback
from local_stack.fault.field import Field
from local_stack.fault.kinds import SIMULATOR
from local_stack.fault.recovery import until
from local_stack.probes import fetch

HOOK = "reaction"
EVENT = "ballast"
"""An event word that nobody knows: such a body is kept whole, in quarantine."""
BODY_BYTES = 250_000
POSTS = 48
"""So many at a time: 12 MB, three times what the spool's write-ahead log keeps allocated."""
ANSWER_SECONDS = 20.0
ACCEPTED = 202

_WRITABLE = re.compile(r"^gateway_spool_writable(?:\{[^}]*\})? ([0-9.]+)$", re.MULTILINE)


class _Taken(msgspec.Struct):
    id: str | None = None


class Flood:
    """Posts to a field's gateway. `taken` are the callbacks that it answered 202."""

    def __init__(self, field: Field, http: aiohttp.ClientSession) -> None:
        self.taken: list[Callback] = []
        self._field = field
        self._http = http
        self._numbers = itertools.count(1)
        self._posts: set[asyncio.Task[None]] = set()

    async def exhaust(self, within_seconds: float) -> bool:
        """Post until the gateway says that its spool takes no more; return whether it did in time."""
        self._posts = {asyncio.create_task(self._post(next(self._numbers))) for _ in range(POSTS)}
        try:
            async with asyncio.timeout(within_seconds):
                await until(self._is_exhausted)
        except TimeoutError:
            return False
        return True

    async def ebb(self) -> None:
        """Wait until all that was posted is answered."""
        await asyncio.gather(*self._posts)

    async def _is_exhausted(self) -> bool:
        answer = await asyncio.to_thread(fetch, f"{self._field.place().gateway_url}/metrics")
        said = _WRITABLE.search(answer.body.decode()) if answer else None
        return said is not None and float(said[1]) == 0

    async def _post(self, number: int) -> None:
        place = self._field.place(SIMULATOR)
        body = {"event": EVENT, "number": number, "filler": "x" * BODY_BYTES}
        try:
            async with self._http.post(
                f"{self._field.place().gateway_url}/webhooks/{HOOK}",
                data=msgspec.json.encode(body),
                headers={"X-API-Key": place.webhook_api_key, "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            ) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return
        if answer.status == ACCEPTED:
            taken = msgspec.json.decode(said, type=_Taken).id
            self.taken.append(Callback(hook=HOOK, answer=str(ACCEPTED), body=Body(event=EVENT), id=taken))
