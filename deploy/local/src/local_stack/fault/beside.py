"""Work that goes on beside other work, and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from dispatcher.supervision import end


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let something go on while the context lasts; what made it fail is raised at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end([task])
