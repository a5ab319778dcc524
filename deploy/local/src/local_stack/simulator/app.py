"""The app: builds the simulator from its settings and runs it. Only this module builds."""

import asyncio
import hmac
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local_stack.simulator import control, vps
from local_stack.simulator.callbacks import CallbackQueue
from local_stack.simulator.gateway import Gateway
from local_stack.simulator.keeping import Keeping
from local_stack.simulator.machine import Machine
from local_stack.simulator.settings import Settings

LARGEST_BODY = 32 * 1024 * 1024


class Running(msgspec.Struct, frozen=True):
    """A simulator that listens at `url`."""

    url: str
    machine: Machine


def epoch_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def build(
    settings: Settings, callbacks: CallbackQueue, clock_ms: Callable[[], int], keeping: Keeping
) -> web.Application:
    """Build the HTTP application of one simulated VPS."""
    app = web.Application(middlewares=[guard(settings.api_key)], client_max_size=LARGEST_BODY)
    app[vps.MACHINE] = Machine(settings, callbacks, clock_ms, keeping)
    vps.add_routes(app)
    control.add_routes(app)
    return app


def guard(api_key: str) -> Middleware:
    """Let nobody in without the key, and say which field of a control call is wrong."""
    expected = api_key.encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), expected):
            request.app[vps.MACHINE].calls["unauthorized"] += 1
            return vps.unauthorized()
        try:
            return await handler(request)
        except msgspec.MsgspecError as error:
            return vps.failure(400, str(error))

    return check


@asynccontextmanager
async def running(settings: Settings, clock_ms: Callable[[], int] = epoch_ms) -> AsyncIterator[Running]:
    """Run a simulator for as long as the context lasts. Port 0 takes a free one."""
    timeout_s = settings.callback_timeout_ms / 1000
    gateway = Gateway(settings.target, settings.callback_connections, timeout_s)
    keeping = Keeping(Path(settings.keep_dir) if settings.keep_dir else None)
    callbacks = CallbackQueue(settings, gateway, clock_ms, keeping)
    app = build(settings, callbacks, clock_ms, keeping)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    callbacks.start()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
        await site.start()
        yield Running(f"http://{settings.host}:{runner.addresses[0][1]}", app[vps.MACHINE])
    finally:
        await callbacks.stop()
        await gateway.close()
        await runner.cleanup()
        keeping.close()


async def serve(settings: Settings, announce: Callable[[Running], None]) -> None:
    """Run a simulator until SIGINT or SIGTERM; `announce` is called once it listens."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(settings) as simulator:
        announce(simulator)
        await stopped.wait()
