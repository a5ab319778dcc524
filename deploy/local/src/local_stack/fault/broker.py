"""Our own look at the broker, beside the system: one short connection, quiet about what the faults do to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client

CONNECT_SECONDS = 2


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """Give a connection. Raises OSError or an error of nats-py when there is none, or it breaks."""
    client = await nats.connect(
        url, allow_reconnect=False, connect_timeout=CONNECT_SECONDS, error_cb=_keep_quiet
    )
    try:
        yield client
    finally:
        await client.close()


async def _keep_quiet(_: Exception) -> None:
    """Say nothing: what goes wrong is raised where it matters."""
