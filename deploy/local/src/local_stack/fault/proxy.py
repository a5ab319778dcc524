"""A small TCP proxy in one connection of the system: it lets all through, until it is told to misbehave."""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import StrEnum

from local_stack.ports import LOOPBACK

CHUNK = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What the proxy does with what comes."""

    STRAIGHT = "straight"
    DELAY = "delay"
    """Each piece is handed on later, in order."""
    BLACK_HOLE = "black hole"
    """Takes everything, and hands nothing on; new connections are taken as well, and nobody answers."""


class Proxy:
    """Listens on a port of its own and connects to `target_port`, both on loopback."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self._target_port = target_port
        self._mode = Mode.STRAIGHT
        self._delay_seconds = 0.0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._stranded: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many ends are open: two for each connection that goes through."""
        return len(self._writers)

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def stop(self) -> None:
        """Listen no more, and cut what is open."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset all connections: both sides see it at once. New ones go through."""
        for writer in list(self._writers):
            reset(writer)

    def half_close(self) -> None:
        """Say to both sides of each connection that the other sends no more, and still take what they send."""
        for writer in self._writers:
            with suppress(OSError, RuntimeError):
                writer.write_eof()

    def delay(self, seconds: float) -> None:
        """Hand everything on so much later."""
        self._mode, self._delay_seconds = Mode.DELAY, seconds

    def swallow(self) -> None:
        """Take everything and hand nothing on."""
        self._mode = Mode.BLACK_HOLE

    def strand(self) -> None:
        """Hand nothing more on over what is open, as when a machine vanished; new connections go through."""
        self._stranded |= self._writers

    def pass_on(self) -> None:
        """Behave. What fell into a black hole is gone, and so are the connections that it fell out of."""
        lost = self._mode is Mode.BLACK_HOLE
        self._mode = Mode.STRAIGHT
        if lost:
            self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs this as one
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):  # the server that runs this wants neither
            reset(writer)
        finally:
            self._writers.discard(writer)
            self._stranded.discard(writer)
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, both ways, until both are over."""
        if self._mode is Mode.BLACK_HOLE:
            await self._drop(reader)
            reset(writer)
            return
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, far_writer))
                ways.create_task(self._carry(far_reader, writer))
        except* OSError:
            reset(far_writer)
            reset(writer)
        finally:
            self._writers.discard(far_writer)
            self._stranded.discard(far_writer)
            far_writer.close()
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(CHUNK):
            if self._mode is Mode.DELAY:
                await asyncio.sleep(self._delay_seconds)
            if self._swallows(writer):
                continue
            with suppress(RuntimeError):  # half closed: what comes is taken, and goes nowhere
                writer.write(piece)
            await writer.drain()
        if not writer.is_closing() and not self._swallows(writer):
            with suppress(OSError, RuntimeError):
                writer.write_eof()

    def _swallows(self, writer: asyncio.StreamWriter) -> bool:
        return self._mode is Mode.BLACK_HOLE or writer in self._stranded

    async def _drop(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(CHUNK):
            pass


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees a reset, not an orderly end."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
