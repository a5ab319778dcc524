"""Requests per second of the gateway: with publishing, beside the same app on the same server without.

Both are processes of their own. The first is the real program, in front of a nats-server that flushes every
message to the disk before it acknowledges it.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import nats

from contracts.wire import SendCallback
from dispatcher import broker
from local_stack.bench.figure import Figure, figure_of, scaled
from local_stack.bench.load import run_round
from local_stack.bench.rig import Rig
from local_stack.bench.rounds import take_turns
from local_stack.ports import LOOPBACK

AIM = 0.5
CONNECTIONS = (64, 256)
REQUESTS = 6_000
ROUNDS = 5
KEY = "bench-5f0c2d9e7a4b8163"
LIMIT_PER_SECOND = "1000000"
"""The check of the rate is done, and never refuses."""

HEAD = (
    "POST /webhooks/send-callback HTTP/1.1\r\nHost: gateway\r\nX-API-Key: {key}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


async def measure(rig: Rig, scale: float) -> list[Figure]:
    """Measure at each number of connections."""
    nats_url = rig.start_nats()
    await make_streams(nats_url)
    publishing = start_gateway(rig, "gateway", "webhook_gateway", nats_url)
    bare = start_gateway(rig, "bare gateway", "local_stack.bench.bare_gateway", nats_url)
    numbers, count = itertools.count(), scaled(REQUESTS, scale)
    return [await _measure_at(rig, each, publishing, bare, numbers, count) for each in CONNECTIONS]


async def make_streams(nats_url: str) -> None:
    """Make the NATS streams, as the dispatcher does when it starts."""
    client = await nats.connect(nats_url)
    try:
        await broker.set_up(client.jetstream())
    finally:
        await client.close()


def start_gateway(rig: Rig, name: str, module: str, nats_url: str) -> int:
    """Start a gateway; return its port."""
    port = rig.next_port()
    settings = {
        "GATEWAY_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "NATS_URL": nats_url,
        "WEBHOOK_API_KEYS": KEY,
        "RATE_LIMIT_PER_S": LIMIT_PER_SECOND,
        "SPOOL_PATH": str(rig.folder / f"spool-{port}.db"),
    }
    rig.start_program(name, [module], settings, f"http://{LOOPBACK}:{port}/health/ready")
    return port


async def _measure_at(
    rig: Rig, connections: int, publishing: int, bare: int, numbers: Iterator[int], count: int
) -> Figure:
    name = f"gateway_requests_per_second_{connections}"

    def at(port: int) -> Callable[[], Awaitable[float]]:
        async def rate() -> float:
            requests = [render_request(next(numbers)) for _ in range(count)]
            return count / await run_round(LOOPBACK, port, connections, requests)

        return rate

    rates = await take_turns(name, at(publishing), at(bare), ROUNDS, rig.tell)
    detail = (
        f"{connections} connections, median of {ROUNDS} rounds of {count} callbacks, sync_interval always"
    )
    return figure_of(name, rates.value, rates.bare, AIM, detail)


def render_request(number: int) -> bytes:
    """Return the HTTP request of a callback that no other number has."""
    body = render_body(number)
    return HEAD.format(key=KEY, length=len(body)).encode() + body


def render_body(number: int) -> bytes:
    """Return the body of that callback."""
    callback = SendCallback(
        event="message_sent",
        session_id="wa_bench",
        group_jid=f"120363{number:012d}@g.us",
        message_id=f"3EB0{number:018X}",
        status="sent",
        timestamp=1_708_700_000_000,
    )
    return msgspec.json.encode(callback)
