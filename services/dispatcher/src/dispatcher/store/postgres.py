"""Append events and read them back. Appends are serialised by one advisory lock, so position is commit order."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

APPEND_LOCK = 7_318_002
"""Key of the advisory lock that serialises appends."""

REBUILD_LOCK = 7_318_005
"""Key of the advisory lock that tells that the projections are made anew; writers wait for the other one meanwhile."""

APPENDED = "events_appended"
"""The notification that new events were committed; the relay waits for it."""

WORK = "work_queued"
"""The notification that something may be due to send; the sender waits for it."""


class Recorded(msgspec.Struct, frozen=True):
    """An event as it is stored. `data` is JSON; `status` is where the aggregate stands after it."""

    stream: str
    version: int
    type: str
    data: msgspec.Raw
    status: str
    tenant: str
    correlation: str
    causation: str | None
    recorded_at_ms: int


class Stored(Recorded, frozen=True):
    """An event read back, with its place in the order of all events and its id."""

    global_position: int
    id: UUID


_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""A NUL character as JSON writes it: behind an escaped backslash `u0000` is text."""

_encode = msgspec.json.Encoder().encode

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_NOTIFY = text("SELECT pg_notify(:channel, '')")


def connect(
    url: str,
    *,
    pool_size: int = 8,
    name: str = "dispatcher",
    stall_seconds: float = 0,
    timeout_seconds: float = 0,
) -> AsyncEngine:
    """Return an engine for a `postgresql://…` URL; no connection is made yet. `name` is what the server calls us. After
    `stall_seconds` (0: never) without a word from us the server ends a transaction: a process that was frozen in the
    middle of one must not keep its locks, and everybody else waiting. A statement that is not answered after
    `timeout_seconds` (0: never) raises TimeoutError.
    """
    stall_ms = str(round(stall_seconds * 1000))
    settings = {"application_name": name, "jit": "off", "idle_in_transaction_session_timeout": stall_ms}
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=4,
        pool_pre_ping=False,
        pool_use_lifo=True,  # the same few connections: each has to prepare every statement for itself
        hide_parameters=True,  # an error's text is logged; phone numbers and messages do not belong there
        connect_args={
            "timeout": 10,
            "command_timeout": timeout_seconds or None,
            "server_settings": settings,
        },
    )
    event.listen(engine.sync_engine, "handle_error", _throw_away)
    return engine


def _throw_away(context: ExceptionContext) -> None:
    """Let go of all connections that are as old as one on which a statement timed out: the machine at their other end
    may be gone, and each of them would take as long to show it.
    """
    if isinstance(context.original_exception, TimeoutError):
        context.invalidate_pool_on_disconnect = True


@asynccontextmanager
async def appending(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open the transaction in which events are appended; what is read in it is current until its commit."""
    async with engine.begin() as connection:
        await connection.execute(_LOCK, {"key": APPEND_LOCK})
        yield connection


async def notify(connection: AsyncConnection, channel: str) -> None:
    """Wake those that wait on a channel, once this transaction is committed."""
    await connection.execute(_NOTIFY, {"channel": channel})


def without_nul(written: bytes) -> bytes:
    """Return JSON as PostgreSQL takes it: it keeps no NUL character in a text, and what a VPS or a user put there
    becomes the replacement character.
    """
    return _NUL.sub(rb"\1\\ufffd", written) if b"\\u0000" in written else written


def as_rows(rows: Sequence[object]) -> dict[str, str]:
    """Return rows as the one JSON parameter of a statement that reads them with `json_to_recordset`.

    One text costs this process far less than an array per column: the driver looks at every element of an array.
    """
    return {"rows": without_nul(_encode(rows)).decode()}


_COLUMNS = (
    "stream, version, type, data::text, status, tenant, correlation, causation, recorded_at_ms,"
    " global_position, id"
)
_AFTER = text(
    f"SELECT {_COLUMNS} FROM events WHERE global_position > :position ORDER BY global_position LIMIT :limit"
)
_STREAM = text(f"SELECT {_COLUMNS} FROM events WHERE stream = :stream ORDER BY version")
_HAS_STREAM = text("SELECT EXISTS (SELECT 1 FROM events WHERE stream = :stream)")


async def read_after(connection: AsyncConnection, position: int, limit: int) -> list[Stored]:
    """Return the next events behind a position, in the order in which they were committed."""
    rows = await connection.execute(_AFTER, {"position": position, "limit": limit})
    return [_stored(row) for row in rows]


async def read_stream(connection: AsyncConnection, stream: str) -> list[Stored]:
    """Return the events of one stream, oldest first."""
    rows = await connection.execute(_STREAM, {"stream": stream})
    return [_stored(row) for row in rows]


async def has_stream(connection: AsyncConnection, stream: str) -> bool:
    """Tell whether a stream has begun."""
    return bool((await connection.execute(_HAS_STREAM, {"stream": stream})).scalar_one())


def _stored(row: Sequence[Any]) -> Stored:
    stream, version, kind, data, *rest = row
    return Stored(stream, version, kind, msgspec.Raw(data), *rest)
