"""The life of the process: connect, build, run everything until told to stop, bring to its end what is in flight."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher import broker
from dispatcher.api.exposition import exposition_route
from dispatcher.api.health import health_routes
from dispatcher.api.keyring import Keyring
from dispatcher.api.server import serve
from dispatcher.composition.doors import build_doors
from dispatcher.composition.durability import Durability
from dispatcher.composition.given import Given, now_ms
from dispatcher.composition.loops import Loops, build_loops
from dispatcher.composition.probes import liveness, readiness, rebuilding
from dispatcher.creation import Clerk
from dispatcher.metrics import Parts, renderer
from dispatcher.sending.vps import Vps
from dispatcher.settings import Settings, known_keys
from dispatcher.store.postgres import connect
from dispatcher.supervision import Health, end, supervise
from dispatcher.verification import Verification

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run the dispatcher until SIGTERM or SIGINT."""
    collect_seldom()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stopping, number)
    async with AsyncExitStack() as stack:
        given = await _connect(settings, stack)
        probing = connect(settings.database_url, pool_size=1, name=given.holder)
        stack.push_async_callback(probing.dispose)
        await _live(given, probing, stopping)
    log.info("stopped")


def _stop(stopping: asyncio.Event, number: int) -> None:
    """Drain at the first signal; at the second leave at once, as a crash would: nothing is lost by either."""
    if stopping.is_set():
        log.warning("stopped by a second signal")
        logging.shutdown()
        os._exit(128 + number)
    log.info("draining")
    stopping.set()


def collect_seldom() -> None:
    """Let the garbage collector look seldom: a batch makes tens of thousands of objects, nearly all of them freed as
    soon as nothing refers to them, and what was loaded at the start stays. It took an eighth of the time of a batch.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _connect(settings: Settings, stack: AsyncExitStack) -> Given:
    """Connect to all that is needed; the stack closes it."""
    holder = f"dispatcher-{uuid4()}"
    engine = connect(
        settings.database_url,
        pool_size=settings.database_pool,
        name=holder,
        stall_seconds=settings.lease_s,
        timeout_seconds=settings.database_timeout_s,
    )
    stack.push_async_callback(engine.dispose)
    client = await broker.connect(settings.nats_url)
    stack.push_async_callback(client.close)
    await broker.set_up(client.jetstream())
    vps = Vps(settings.vps_url, settings.vps_api_key, settings.vps_timeout_s, settings.max_groups_mb)
    return Given(settings, engine, client, await stack.enter_async_context(vps), holder)


async def _live(given: Given, probing: AsyncEngine, stopping: asyncio.Event) -> None:
    """Build all parts and run them; serve until the last of them has ended. `probing` is for the probes alone."""
    settings, engine, health = given.settings, given.engine, Health()
    clerk = Clerk(engine, given.rules, settings.creation_chunk, round(settings.idempotency_window_s * 1000))
    verification = Verification(engine, given.rules, given.vps.status, now_ms)
    keyring = Keyring(engine, known_keys(settings))
    await keyring.load()
    loops = build_loops(given, clerk, keyring, health)
    ready = readiness(probing, given.client, stopping, Durability(settings.nats_monitor_url).check)
    alive = liveness(health, {**ready, "rebuild": rebuilding(probing)}, settings.liveness_s)
    parts = Parts(health, loops.by_name, lambda: loops.store_check.findings, lambda: loops.relay.passed_over)
    own_routes = [*health_routes(alive, ready), exposition_route(renderer(parts))]
    api = build_doors(given, clerk, verification, keyring, own_routes)
    closing = asyncio.Event()
    serving = asyncio.create_task(
        serve(api, settings.api_host, settings.api_port, settings.header_timeout_s, closing)
    )
    log.info("ready api=%s:%d holder=%s", settings.api_host, settings.api_port, given.holder)
    await _run(loops, health, serving, stopping, settings.drain_s)
    closing.set()
    await serving


async def _run(
    loops: Loops, health: Health, serving: asyncio.Task[None], stopping: asyncio.Event, drain_seconds: float
) -> None:
    """Run the loops until told to stop, or until the API has ended, then let them come to their end."""
    running = [supervise(name, loop, stopping, health) for name, loop in loops.by_name.items()]
    tasks = [asyncio.create_task(loop) for loop in running]
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait({told, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    for wake in loops.waiting.values():
        wake("")
    await _finish(tasks, drain_seconds)


async def _finish(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Let the loops end by themselves, for so long."""
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        log.warning("did not end in time: %s", task.get_name())
    await end(tasks)
