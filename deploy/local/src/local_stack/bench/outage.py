"""A broker that is killed under load: what the gateway's callers notice of it, and what is in the stream afterwards.

Callbacks are sent at a fixed rate, whatever the answers are, and each answer is timed from the moment at which its
callback was due: a gateway that stalls is seen to. nats-server is killed (`kill -9`), stays away, and comes back.
Every callback must be answered 202 and stand in the stream once, no one before another that was answered before
it was sent.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Sequence

import aiohttp
import msgspec
import nats

from contracts.streams import DELIVERIES
from local_stack.bench.figure import MeasurementError, Outage
from local_stack.bench.gateway import KEY, make_streams, render_body, start_gateway
from local_stack.bench.rig import Rig
from local_stack.bench.waiting import until
from local_stack.nats_reading import read_all
from local_stack.ports import LOOPBACK

NAME = "broker_outage"
AIM = 10.0
"""How many times longer than usual the slowest hundredth of the answers may take while the broker is away."""
PER_SECOND = 300
OUTAGE_SECONDS = 60.0
USUAL_SECONDS = 30.0
WARM_UP_SECONDS = 5.0
DRAIN_SECONDS = 60.0
REST_SECONDS = 2.0
HEADERS = {"X-API-Key": KEY, "Content-Type": "application/json"}


class Posted(msgspec.Struct):
    """One callback: when it was due and answered (monotonic seconds), with which status and id."""

    due: float
    answered: float
    status: int
    id: str


class Taken(msgspec.Struct):
    """What the gateway answers to a callback that it took."""

    id: str = ""


class Ready(msgspec.Struct):
    """What the gateway says of itself."""

    broker: str
    spool: int


class Load:
    """Posts callbacks at a fixed rate; `posted` grows as they are answered."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._numbers = itertools.count()
        self._sending: set[asyncio.Task[None]] = set()
        self.posted: list[Posted] = []

    async def run(self, seconds: float) -> list[Posted]:
        """Post for some seconds; return what was due in that time, once all of it is answered."""
        first, started = len(self.posted), time.monotonic()
        sending = []
        for number in range(max(1, round(seconds * PER_SECOND))):
            due = started + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sending.append(asyncio.create_task(self._post(due)))
        await asyncio.gather(*sending)
        return self.posted[first:]

    async def _post(self, due: float) -> None:
        body = render_body(next(self._numbers))
        async with self._session.post(self._url, data=body, headers=HEADERS) as answer:
            taken = msgspec.json.decode(await answer.read(), type=Taken)
            self.posted.append(Posted(due, time.monotonic(), answer.status, taken.id))


async def measure(rig: Rig, scale: float) -> list[Outage]:
    """Measure an outage of a minute, at scale 1."""
    server = rig.start_nats_server()
    await make_streams(server.url)
    port = start_gateway(rig, "gateway", "webhook_gateway", server.gateway_url)
    url = f"http://{LOOPBACK}:{port}"
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=DRAIN_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        load = Load(session, f"{url}/webhooks/send-callback")
        await load.run(WARM_UP_SECONDS)
        usual = await load.run(max(REST_SECONDS, USUAL_SECONDS * scale))
        rig.tell("killing the broker")
        server.kill()
        away = await load.run(OUTAGE_SECONDS * scale)
        held = (await _ready(session, url)).spool
        rig.tell(f"starting the broker again; {held} callbacks in the spool")
        server.launch()
        back_at = time.monotonic()
        draining = asyncio.ensure_future(_until_drained(session, url))
        back = await load.run(REST_SECONDS)
        drain_seconds = await draining - back_at
    stored = await _stored_ids(server.url)
    outage = outage_of(
        usual, [*away, *back], held, len(away) / PER_SECOND, drain_seconds, load.posted, stored
    )
    if outage.lost or outage.refused or outage.out_of_order or outage.twice:
        raise MeasurementError(f"callbacks were lost, refused, doubled or out of order: {outage}")
    return [outage]


def outage_of(
    usual: Sequence[Posted],
    away: Sequence[Posted],
    held: int,
    away_seconds: float,
    drain_seconds: float,
    posted: Sequence[Posted],
    stored: Sequence[str],
) -> Outage:
    """Reckon what an outage did. `away` was due from the kill until things were well again; `stored` are the ids
    in the stream, in its order.
    """
    usual_ms, away_ms = p99_ms(usual), p99_ms(away)
    promised = {each.id: each for each in posted if each.status == 202}
    return Outage(
        figure=NAME,
        usual_p99_ms=round(usual_ms, 1),
        away_p99_ms=round(away_ms, 1),
        ratio=round(away_ms / usual_ms, 2),
        aim=AIM,
        callbacks=len(posted),
        spooled=held,
        refused=len(posted) - len(promised),
        lost=len(promised.keys() - set(stored)),
        twice=len(stored) - len(set(stored)),
        out_of_order=overtaken([promised[each] for each in stored if each in promised]),
        drain_seconds=round(drain_seconds, 1),
        detail=f"{PER_SECOND} callbacks/s, broker killed for {away_seconds:g} s, sync_interval always",
    )


def p99_ms(posted: Sequence[Posted]) -> float:
    """Return the 99th percentile (nearest rank) of the answers' times, in milliseconds."""
    ranked = sorted(each.answered - each.due for each in posted)
    return 1000 * ranked[math.ceil(0.99 * len(ranked)) - 1]


def overtaken(stored: Sequence[Posted]) -> int:
    """Count those that stand before one that was answered before they were sent."""
    count, earliest_answer = 0, math.inf
    for each in reversed(stored):
        count += earliest_answer < each.due
        earliest_answer = min(earliest_answer, each.answered)
    return count


async def _until_drained(session: aiohttp.ClientSession, url: str) -> float:
    """Wait until nothing is in the spool any more; return when that was (monotonic seconds)."""

    async def is_drained() -> bool:
        ready = await _ready(session, url)
        return ready.broker == "connected" and ready.spool == 0

    await until(is_drained, "the spool is empty", every_seconds=0.05, within_seconds=DRAIN_SECONDS)
    return time.monotonic()


async def _ready(session: aiohttp.ClientSession, url: str) -> Ready:
    async with session.get(f"{url}/health/ready") as answer:
        return msgspec.json.decode(await answer.read(), type=Ready)


async def _stored_ids(nats_url: str) -> list[str]:
    """Return the ids of all messages in the stream of delivery reports, in its order."""
    async with await nats.connect(nats_url) as client:
        messages = await read_all(client, DELIVERIES.name)
    return [msgspec.json.decode(message.data, type=Taken).id for message in messages]
