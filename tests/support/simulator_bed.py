"""A simulator in the test's own process, a gateway that only listens, and a dispatcher that only sends."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp import web

from local_stack.simulator.app import running
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.settings import Settings, Target

API_KEY = "key-of-the-vps"
WEBHOOK_KEY = "key-of-the-gateway"
GROUP = "120363025246125486@g.us"


@dataclass(frozen=True)
class Heard:
    """One callback as the gateway heard it."""

    hook: str
    body: dict[str, object]
    key: str


@dataclass
class Gateway:
    """Hears callbacks. Answers 202, or 401 to a wrong key, 400 to what is no JSON, or what stands in `answers`."""

    heard: list[Heard] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)

    async def receive_callback(self, request: web.Request) -> web.Response:
        key = request.headers.get("X-API-Key", "")
        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, object])
        except msgspec.DecodeError:
            return web.Response(status=400)
        self.heard.append(Heard(request.match_info["hook"], body, key))
        usual = 202 if key == WEBHOOK_KEY else 401
        return web.Response(status=self.answers.popleft() if self.answers else usual)

    @property
    def events(self) -> list[object]:
        return [each.body.get("event", each.hook) for each in self.heard]


@dataclass(frozen=True)
class Bed:
    """What a test needs: `control` turns knobs, `gateway` hears callbacks, `http` calls the VPS."""

    control: SimulatorClient
    gateway: Gateway
    http: aiohttp.ClientSession
    url: str

    async def send(
        self, recipient: str = GROUP, *, session: str = "wa_x", key: str | None = None, **fields: str
    ) -> tuple[int, dict[str, object]]:
        """`POST /send`; the answer's status and body."""
        body = {"sessionId": session, "phone": recipient, "message": "hello", **fields}
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.call("POST", "/send", body, headers)

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, object]]:
        """Any call; the answer's status and body."""
        async with self.http.request(method, self.url + path, json=body, headers=headers) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def heard_all(self) -> list[Heard]:
        """Everything that the gateway heard once the simulator is quiet."""
        await self.control.wait_until_idle(within_s=10)
        return self.gateway.heard


@asynccontextmanager
async def simulator_bed(*, aimed: bool = True, **settings: int | str) -> AsyncIterator[Bed]:
    """Run all three; `aimed` False leaves the simulator without a gateway."""
    gateway = Gateway()
    async with _listening(gateway) as gateway_url:
        target = Target(gateway_url=gateway_url, webhook_key=WEBHOOK_KEY) if aimed else Target()
        made = Settings(api_key=API_KEY, target=target, callback_retry_ms=1, callback_connections=8)
        made = msgspec.structs.replace(made, **settings)
        async with (
            running(made) as simulator,
            SimulatorClient(simulator.url, API_KEY) as control,
            aiohttp.ClientSession(headers={"X-API-Key": API_KEY}) as http,
        ):
            yield Bed(control, gateway, http, simulator.url)


@asynccontextmanager
async def _listening(gateway: Gateway) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/webhooks/{hook}", gateway.receive_callback)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
