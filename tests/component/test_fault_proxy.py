"""The proxy in a connection: it passes on, and misbehaves as it is told."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest_asyncio

from local_stack.fault.proxies import Proxies
from local_stack.fault.proxy import Proxy
from local_stack.ports import LOOPBACK, ports_of
from support.eventually import eventually

WITHIN_S = 10
SOON_S = 0.3


class Echo:
    """A server that says what it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(100_000):
                self.heard += piece
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended.set()
            writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Echo]]:
    ports = ports_of(os.environ)
    far, near = ports.next_port(), ports.next_port()
    echo = Echo()
    server = await asyncio.start_server(echo.serve, LOOPBACK, far)
    proxy = Proxy(near, far)
    await proxy.start()
    try:
        yield proxy, echo
    finally:
        await proxy.stop()
        server.close()


class Line:
    """One connection through a proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, words: bytes) -> bytes:
        self.writer.write(words)
        return await asyncio.wait_for(self.reader.readexactly(len(words)), WITHIN_S)

    async def hears_nothing(self, words: bytes) -> bool:
        self.writer.write(words)
        try:
            await asyncio.wait_for(self.reader.read(1), SOON_S)
        except TimeoutError:
            return True
        return False

    async def is_reset(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), WITHIN_S) == b"never"
        except ConnectionError:
            return True


Open = Callable[[int], Awaitable[Line]]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Open]:
    """Connect to a port; all lines are closed at the end."""
    lines: list[Line] = []

    async def open_line(port: int) -> Line:
        lines.append(Line(*await asyncio.open_connection(LOOPBACK, port)))
        return lines[-1]

    yield open_line
    for line in lines:
        line.writer.transport.abort()
    await asyncio.sleep(0)


async def test_it_passes_on_both_ways_whatever_the_size(connect: Open) -> None:
    async with proxied() as (proxy, _):
        line = await connect(proxy.port)
        assert await line.ask(b"hello") == b"hello"
        assert await line.ask(bytes(1_000_000)) == bytes(1_000_000)
        assert proxy.connections == 2


async def test_an_orderly_end_of_one_side_reaches_the_other(connect: Open) -> None:
    async with proxied() as (proxy, echo):
        line = await connect(proxy.port)
        await line.ask(b"hello")
        line.writer.write_eof()
        assert await asyncio.wait_for(line.reader.read(), WITHIN_S) == b""
        await asyncio.wait_for(echo.ended.wait(), WITHIN_S)


async def test_a_cut_resets_all_connections_and_new_ones_go_through(connect: Open) -> None:
    async with proxied() as (proxy, echo):
        line = await connect(proxy.port)
        await line.ask(b"hello")
        proxy.cut()
        assert await line.is_reset()
        await asyncio.wait_for(echo.ended.wait(), WITHIN_S)
        assert await (await connect(proxy.port)).ask(b"again") == b"again"


async def test_a_half_closed_connection_is_at_its_end_for_both_sides_and_what_comes_goes_nowhere(
    connect: Open,
) -> None:
    async with proxied() as (proxy, echo):
        line = await connect(proxy.port)
        await line.ask(b"hello")
        proxy.half_close()
        assert await asyncio.wait_for(line.reader.read(), WITHIN_S) == b""
        await asyncio.wait_for(echo.ended.wait(), WITHIN_S)
        line.writer.write(b"too late")
        assert await (await connect(proxy.port)).ask(b"again") == b"again"
        assert echo.heard == b"helloagain"


async def test_a_slow_connection_hands_on_later_and_in_order(connect: Open) -> None:
    async with proxied() as (proxy, _):
        line = await connect(proxy.port)
        proxy.delay(SOON_S)
        started = time.monotonic()
        assert await line.ask(b"one") == b"one"
        assert time.monotonic() - started >= 2 * SOON_S
        proxy.pass_on()
        assert await line.ask(b"two") == b"two"


async def test_a_black_hole_swallows_for_good_and_takes_new_connections_without_an_answer(
    connect: Open,
) -> None:
    async with proxied() as (proxy, echo):
        line = await connect(proxy.port)
        await line.ask(b"hello")
        proxy.swallow()
        fresh = await connect(proxy.port)
        assert await line.hears_nothing(b"lost")
        assert await fresh.hears_nothing(b"lost as well")
        proxy.pass_on()
        assert await line.is_reset()
        assert await fresh.is_reset()
        assert await (await connect(proxy.port)).ask(b"again") == b"again"
        assert b"lost" not in echo.heard


async def test_a_server_that_is_not_there_is_a_connection_that_breaks(connect: Open) -> None:
    ports = ports_of(os.environ)
    proxy = Proxy(ports.next_port(), ports.next_port())
    await proxy.start()
    try:
        assert await (await connect(proxy.port)).is_reset()
        assert proxy.connections == 0
    finally:
        await proxy.stop()


async def test_many_proxies_run_beside_the_program_and_are_told_by_the_name_of_their_link(
    connect: Open,
) -> None:
    async with proxied() as (_, echo):
        ports = ports_of(os.environ)
        far = ports.next_port()
        server = await asyncio.start_server(echo.serve, LOOPBACK, far)
        with Proxies({"one": Proxy(ports.next_port(), far), "two": Proxy(ports.next_port(), far)}) as proxies:
            lines = [await connect(proxies.port(name)) for name in ("one", "two")]
            assert [await line.ask(b"hello") for line in lines] == [b"hello"] * 2
            proxies.tell("one", Proxy.cut)
            assert await lines[0].is_reset()
            assert await lines[1].ask(b"still here") == b"still here"
        server.close()


async def test_nothing_is_left_open_after_many_connections(connect: Open) -> None:
    async with proxied() as (proxy, _):
        for _ in range(20):
            line = await connect(proxy.port)
            await line.ask(b"hello")
            line.writer.close()
            await line.writer.wait_closed()
        await eventually(lambda: proxy.connections == 0)
