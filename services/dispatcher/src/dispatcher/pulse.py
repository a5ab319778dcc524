"""Signs of life: a loop shows one when it has done something, and says when it rests. One that hangs does neither."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import msgspec

P = ParamSpec("P")
T = TypeVar("T")


class Pulse(msgspec.Struct):
    """Since when (seconds of the event loop's clock) a loop is busy without a sign of life; None while it rests."""

    busy_since: float | None = None

    def begin(self) -> None:
        """Be busy from now on; a loop that was busy before stays so: to crash is no sign of life."""
        if self.busy_since is None:
            self.busy_since = asyncio.get_running_loop().time()

    def beat(self) -> None:
        """Show a sign of life, where it is not resting."""
        if self.busy_since is not None:
            self.busy_since = asyncio.get_running_loop().time()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Wait, for however long, while the context lasts."""
        self.busy_since = None
        try:
            yield
        finally:
            self.begin()


def heard(ask: Callable[P, Awaitable[T]], pulse: Pulse) -> Callable[P, Awaitable[T]]:
    """Return what asks the same; each answer is a sign of life, so that many slow ones are not taken for a hang."""

    async def asked(*given: P.args, **named: P.kwargs) -> T:
        answer = await ask(*given, **named)
        pulse.beat()
        return answer

    return asked
