"""A webhook-gateway process for tests, on a free port, with a key of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import nats
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from contracts.delivery import Report
from contracts.streams import NatsStream
from local_stack.children import Child
from local_stack.ports import LOOPBACK, ports_of
from support.eventually import eventually

KEY = "k-2f1c9a7d5e3b8046"
OTHER_KEY = "k-77d0b1e4a9c35f82"
KEYS = f"{KEY},acme:{OTHER_KEY}"


class Gateway:
    """A running webhook-gateway, and a client that holds a key."""

    def __init__(self, child: Child, port: int, session: aiohttp.ClientSession) -> None:
        self.child = child
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.session = session

    async def post(self, hook: str, body: Any, **headers: str) -> "Answer":
        """Post a callback (a value, or raw bytes) with the key, unless `headers` say otherwise."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {"X-API-Key": KEY, "Content-Type": "application/json"} | given
        url = f"{self.url}/webhooks/{hook}"
        async with self.session.post(url, data=raw, headers={k: v for k, v in sent.items() if v}) as answer:
            return await Answer.read(answer)

    async def get(self, path: str) -> "Answer":
        """Get a path, without a key."""
        async with self.session.get(self.url + path) as answer:
            return await Answer.read(answer)

    async def has_broker(self) -> bool:
        """Tell whether it is connected to NATS."""
        return bool((await self.get("/health/ready")).json["broker"] == "connected")


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @classmethod
    async def read(cls, answer: aiohttp.ClientResponse) -> "Answer":
        headers = {name.lower(): text for name, text in answer.headers.items()}
        return cls(answer.status, headers, await answer.text())

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.text)


@asynccontextmanager
async def running_gateway(folder: Path, nats_url: str, **settings: str) -> AsyncIterator[Gateway]:
    """Give a gateway that answers; it is stopped in order afterwards."""
    port = ports_of(os.environ).next_port()
    environment = {
        **{name: text for name, text in os.environ.items() if name in ("PATH", "HOME")},
        "NATS_URL": nats_url,
        "WEBHOOK_API_KEYS": KEYS,
        "GATEWAY_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "SPOOL_PATH": str(folder / "spool.db"),
        **settings,
    }
    child = Child("gateway", gateway_command(), folder / "gateway.log", environment=environment)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        gateway = Gateway(child, port, session)
        child.start()
        try:
            await eventually(lambda: _is_live(gateway), within_s=60)
            yield gateway
        finally:
            await asyncio.to_thread(child.stop)


def gateway_command() -> list[str]:
    """Return what starts the program, in the interpreter of the tests."""
    return [sys.executable, "-m", "webhook_gateway"]


async def _is_live(gateway: Gateway) -> bool:
    assert gateway.child.is_running, gateway.child.last_lines()
    try:
        return (await gateway.get("/health/live")).status == 200
    except aiohttp.ClientConnectionError:
        return False


async def make_stream(nats_url: str, stream: NatsStream) -> None:
    """Make a NATS stream of the contract."""
    connection = await nats.connect(nats_url)
    try:
        await connection.jetstream().add_stream(
            StreamConfig(
                name=stream.name,
                subjects=[stream.subject],
                retention=RetentionPolicy(stream.retention),
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_bytes=stream.max_bytes,
                duplicate_window=stream.dedup_seconds,
                allow_atomic=stream.atomic_batches,
            )
        )
    finally:
        await connection.close()


async def change_stream(nats_url: str, stream: NatsStream, **changes: Any) -> None:
    """Change a NATS stream's configuration, as an operator would."""
    connection = await nats.connect(nats_url)
    try:
        jetstream = connection.jetstream()
        config = (await jetstream.stream_info(stream.name)).config
        await jetstream.update_stream(config.evolve(**changes))
    finally:
        await connection.close()


async def stored(nats_url: str, stream: NatsStream) -> list[bytes]:
    """Return the bodies of all messages in a NATS stream, in order."""
    connection = await nats.connect(nats_url)
    try:
        jetstream = connection.jetstream()
        state = (await jetstream.stream_info(stream.name)).state
        numbers = range(state.first_seq, state.last_seq + 1) if state.messages else ()
        return [(await jetstream.get_msg(stream.name, number)).data for number in numbers]
    finally:
        await connection.close()


async def stored_reports(nats_url: str, stream: NatsStream) -> list[Report]:
    """Return all delivery reports in a NATS stream, in order."""
    return [msgspec.json.decode(body, type=Report) for body in await stored(nats_url, stream)]
