"""The client of the control API, for tests and the demo: each call of `control` as a method with types."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from local_stack.simulator.callback_log import CallbacksReport
from local_stack.simulator.control_bodies import (
    Dropped,
    GatewayAnswer,
    IdleReport,
    KnobsReport,
    Released,
    RequestsReport,
    SessionReport,
)
from local_stack.simulator.groups import Group
from local_stack.simulator.knobs import Knobs
from local_stack.simulator.ledger import LedgerReport

T = TypeVar("T")
Knob = float | int | str | bool | Sequence[str]
IDLE_POLL_S = 0.02


class ControlError(Exception):
    """The simulator refused a control call; the text says why and names the field."""


class StillBusyError(Exception):
    """The simulator was not quiet within the time given."""


class SimulatorClient:
    """Turns the knobs of one simulator and reads what it did. Use as an async context manager."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self._http = aiohttp.ClientSession(headers={"X-API-Key": api_key, "Content-Type": "application/json"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def aim(self, gateway_url: str | None, webhook_key: str = "") -> None:
        """Send callbacks to this gateway, with this key, from now on; None: to nobody."""
        await self._call("PUT", "/target", {"gateway_url": gateway_url, "webhook_key": webhook_key})

    async def knobs(self) -> KnobsReport:
        """Return all levels of knobs."""
        return await self._ask("/knobs", KnobsReport)

    async def turn(self, **knobs: Knob) -> Knobs:
        """Turn default knobs and leave the others. Returns them all."""
        return msgspec.json.decode(await self._call("PATCH", "/defaults", knobs), type=Knobs)

    async def put_defaults(self, **knobs: Knob) -> Knobs:
        """Turn default knobs and put the others back to where they were at the start."""
        return msgspec.json.decode(await self._call("PUT", "/defaults", knobs), type=Knobs)

    async def put_session(self, session_id: str, **knobs: Knob) -> None:
        """Set the knobs of a session and clear its others; none given clears all."""
        await self._call("PUT", f"/sessions/{quote(session_id, safe='')}", knobs)

    async def put_recipients(self, recipients: Iterable[str], **knobs: Knob) -> None:
        """Set the knobs of recipients (JIDs or numbers) and clear their others; none given clears all."""
        await self._call("PUT", "/recipients", {"recipients": list(recipients), "knobs": knobs})

    async def clear_recipients(self) -> None:
        """Clear the knobs of all recipients."""
        await self._call("DELETE", "/recipients")

    async def sessions(self) -> list[SessionReport]:
        """Return all known sessions."""
        return await self._ask("/sessions", list[SessionReport])

    async def set_state(
        self, session_id: str, status: str, phone_number: str | None = None, *, tell: bool = True
    ) -> SessionReport:
        """Put a session into a state, any word; `tell` sends the session-status callback of a change."""
        wish = {"status": status, "phone_number": phone_number, "tell": tell}
        answer = await self._call("POST", f"/sessions/{quote(session_id, safe='')}/state", wish)
        return msgspec.json.decode(answer, type=SessionReport)

    async def set_groups(self, session_id: str, groups: Sequence[Group]) -> None:
        """Set the groups of a session."""
        await self._call("PUT", f"/sessions/{quote(session_id, safe='')}/groups", groups)

    async def ledger(
        self,
        recipient: str | None = None,
        session_id: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> LedgerReport:
        """Return what was really sent, all of it or to a recipient or by a session."""
        asked = {"recipient": recipient, "session": session_id, "after": str(after)}
        asked["limit"] = None if limit is None else str(limit)
        return await self._ask("/ledger", LedgerReport, asked)

    async def requests(self) -> RequestsReport:
        """Return how often `/send` was answered in which way, and the other calls."""
        return await self._ask("/requests", RequestsReport)

    async def callbacks(self, limit: int | None = None) -> CallbacksReport:
        """Return the counts of callbacks, and the latest tries."""
        asked = {"limit": None if limit is None else str(limit)}
        return await self._ask("/callbacks", CallbacksReport, asked)

    async def send_callback(
        self,
        hook: str,
        body: object = None,
        *,
        raw: str | None = None,
        key: str | None = None,
        content_type: str = "application/json",
    ) -> GatewayAnswer:
        """Send any callback now: `body` as JSON, or `raw` as it is; `key` None is the right one."""
        wish = {"hook": hook, "body": body, "raw": raw, "key": key, "content_type": content_type}
        answer = await self._call("POST", "/callbacks/send", wish)
        return msgspec.json.decode(answer, type=GatewayAnswer)

    async def release_burst(self) -> int:
        """Send all callbacks that are held, at once. Returns how many."""
        answer = await self._call("POST", "/burst/release")
        return msgspec.json.decode(answer, type=Released).released_callbacks

    async def restart(self, *, drop_callbacks: bool = True) -> int:
        """Restart the VPS as far as its memory goes. Returns how many callbacks were dropped."""
        answer = await self._call("POST", "/restart", {"drop_callbacks": drop_callbacks})
        return msgspec.json.decode(answer, type=Dropped).dropped_callbacks

    async def reset(self) -> None:
        """Begin again as at the start; the gateway's address stays."""
        await self._call("POST", "/reset")

    async def idle(self) -> IdleReport:
        """Return whether all is quiet."""
        return await self._ask("/idle", IdleReport)

    async def wait_until_idle(self, within_s: float) -> IdleReport:
        """Wait until all is quiet. Raises `StillBusyError` when it is not within `within_s` seconds."""
        deadline = time.monotonic() + within_s
        while not (report := await self.idle()).idle:
            if time.monotonic() > deadline:
                raise StillBusyError(f"the simulator is still busy after {within_s} s: {report}")
            await asyncio.sleep(IDLE_POLL_S)
        return report

    async def _ask(self, path: str, kind: type[T], asked: dict[str, str | None] | None = None) -> T:
        query = {name: value for name, value in (asked or {}).items() if value is not None}
        return msgspec.json.decode(await self._call("GET", path, query=query), type=kind)

    async def _call(
        self, method: str, path: str, body: object = None, query: dict[str, str] | None = None
    ) -> bytes:
        payload = None if body is None else msgspec.json.encode(body)
        url = f"{self.url}/_control{path}"
        async with self._http.request(method, url, data=payload, params=query) as response:
            answer = await response.read()
            if response.status >= 400:
                raise ControlError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
            return answer
