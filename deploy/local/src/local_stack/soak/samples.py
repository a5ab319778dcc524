"""Samples: what each part takes of the machine, and how far the queues are behind."""

from collections.abc import Mapping
from contextlib import suppress

import asyncpg
import msgspec
import psutil

from contracts.streams import DURABLES
from local_stack.fault.broker import connected
from local_stack.fault.processes import tree_of

_UNRELAYED = """
    SELECT (SELECT coalesce(max(global_position), 0) FROM events)
           - (SELECT coalesce(max(position), 0) FROM relay_checkpoint)
"""


class Use(msgspec.Struct, frozen=True):
    """What a part takes, with all its processes: memory of its own in bytes, and open descriptors."""

    memory_bytes: int
    descriptors: int


class Sample(msgspec.Struct, frozen=True):
    """All parts at one moment, `at_seconds` after the load began; `lag`: messages not consumed, events not relayed."""

    at_seconds: float
    parts: dict[str, Use]
    lag: int


def use_of(pids: Mapping[str, int]) -> dict[str, Use]:
    """Return what each part takes."""
    return {name: _use(pid) for name, pid in pids.items()}


async def lag_of(nats_url: str, database_url: str) -> int:
    """Return how much waits: messages that are not acknowledged, events that are not relayed."""
    waiting = 0
    async with connected(nats_url) as client:
        for durable in DURABLES:
            info = await client.jetstream().consumer_info(durable.stream, durable.name)
            waiting += (info.num_pending or 0) + (info.num_ack_pending or 0)
    connection = await asyncpg.connect(database_url)
    try:
        return waiting + int(await connection.fetchval(_UNRELAYED))
    finally:
        await connection.close()


def _use(pid: int) -> Use:
    memory = descriptors = 0
    for process in tree_of(pid):
        with suppress(psutil.NoSuchProcess):
            memory += process.memory_full_info().uss
            descriptors += process.num_fds()
    return Use(memory, descriptors)
