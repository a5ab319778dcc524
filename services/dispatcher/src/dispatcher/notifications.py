"""PostgreSQL's notifications, brought to those that wait for them. A lost one costs no more than the next sweep."""

import asyncio
from collections.abc import Callable, Mapping

import asyncpg
import msgspec
from sqlalchemy.engine import make_url

from dispatcher.pulse import Pulse

Wake = Callable[[str], None]
"""Told what the notification says; nothing where something may have been missed."""


class Line(msgspec.Struct, frozen=True):
    """The connection to listen on: whether anybody is there is asked every `look_seconds`, and a statement may take
    `timeout_seconds` (0: for ever).
    """

    database_url: str
    look_seconds: float = 30.0
    timeout_seconds: float = 0.0


async def listen(line: Line, waiting: Mapping[str, Wake], stopping: asyncio.Event, pulse: Pulse) -> None:
    """Wake the one that waits on each channel, until told to stop; fails when the connection is lost.

    Everybody is woken once at the start: what was notified while nobody listened is found then.
    """
    url = make_url(line.database_url).set(drivername="postgresql")
    connection = await asyncpg.connect(
        url.render_as_string(hide_password=False), timeout=10, command_timeout=line.timeout_seconds or None
    )
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        for channel, wake in waiting.items():
            await connection.add_listener(channel, _waker(wake))
            wake("")
        while not await _rest(line.look_seconds, pulse, lost, stopping):
            await connection.execute(
                "SELECT 1"
            )  # a machine that vanished sends nothing, and ends no connection
        if not stopping.is_set():
            raise ConnectionError("the connection that listens for notifications was lost")
    finally:
        connection.terminate()


def _waker(wake: Wake) -> Callable[[object, int, str, object], None]:
    def woken(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        wake(str(payload))

    return woken


async def _rest(seconds: float, pulse: Pulse, *events: asyncio.Event) -> bool:
    """Rest until one of these comes, for so long at the most; return whether one came."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        with pulse.resting():
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()
