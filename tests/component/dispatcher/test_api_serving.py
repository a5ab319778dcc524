"""How long the two services keep a connection that is idle."""

import asyncio
import os

import msgspec
import pytest
from litestar import Litestar, get

from dispatcher.api.server import serve
from dispatcher.settings import Settings as DispatcherSettings
from local_stack.ports import LOOPBACK, ports_of
from support.eventually import eventually
from webhook_gateway.settings import Settings as GatewaySettings

PROXIES_KEEP_S = 60
"""What nginx (`keepalive_timeout` of an upstream) and AWS's load balancers do by default."""


@pytest.mark.parametrize("settings", [DispatcherSettings, GatewaySettings])
def test_by_default_it_outlives_the_patience_of_proxies(settings: type[msgspec.Struct]) -> None:
    (default,) = [
        field.default for field in msgspec.structs.fields(settings) if field.name == "header_timeout_s"
    ]
    assert default > PROXIES_KEEP_S


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET /hello HTTP/1.1\r\nHost: x\r\n", False),
        (b"", False),
    ],
    ids=["idle", "half-a-head", "silent"],
)
async def test_the_api_closes_it_after_the_time_that_is_set(sent: bytes, answered: bool) -> None:
    @get("/hello", sync_to_thread=False)
    def hello() -> str:
        return "hello"

    port, stopping = ports_of(os.environ).next_port(), asyncio.Event()
    serving = asyncio.create_task(serve(Litestar([hello]), LOOPBACK, port, 0.5, stopping))

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            return await asyncio.open_connection(LOOPBACK, port)
        except ConnectionRefusedError:
            return None

    reader, writer = await eventually(connected)
    writer.write(sent)
    everything = await asyncio.wait_for(reader.read(), 30)
    assert (b"hello" in everything) is answered
    writer.close()
    stopping.set()
    await serving
