"""Waiting for something to become true, with a deadline, so that no test sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")

POLL_SECONDS = 0.02


async def eventually(check: Callable[[], T | Awaitable[T]], within_s: float = 30.0) -> T:
    """Return the first true value of `check`, which may be async. AssertionError after `within_s` seconds.

    An AssertionError of `check` itself means not yet; the last one is shown when the time is up.
    """
    deadline = time.monotonic() + within_s
    while True:
        value, failure = await _ask(check)
        if value:
            return cast("T", value)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s; last: {failure or value!r}") from failure
        await asyncio.sleep(POLL_SECONDS)


async def _ask(check: Callable[[], T | Awaitable[T]]) -> tuple[T | None, AssertionError | None]:
    try:
        answer = check()
        return (await answer if inspect.isawaitable(answer) else answer), None
    except AssertionError as failure:
        return None, failure
