"""Work that goes on beside other work, and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

AGAIN_SECONDS = 0.5


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let something go on while the context lasts; what made it fail is raised at the end.

    It is cancelled until it has ended: `asyncio.wait_for` of Python 3.11 keeps a cancellation to itself that comes
    together with what it waits for.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=AGAIN_SECONDS)
        if not task.cancelled():
            task.result()
