"""Loops that crash start again: soon after the first crash, later while they keep crashing; when a restart may help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import accumulate

import pytest

from dispatcher.composition.probes import liveness
from dispatcher.pulse import Pulse, heard
from dispatcher.supervision import (
    CALM_SECONDS,
    FIRST_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    Health,
    Loop,
    end,
    every,
    next_pause,
    supervise,
)
from support.eventually import eventually
from webhook_gateway import stopping


def test_the_pauses_grow_while_a_loop_crashes_at_once() -> None:
    pauses = list(accumulate([0.0] * 4, next_pause, initial=0.0))[1:]
    assert pauses == [FIRST_PAUSE_SECONDS * 2**number for number in range(4)]


def test_a_loop_is_never_down_for_longer_than_a_few_seconds_after_its_trouble_is_over() -> None:
    pauses = list(accumulate([0.0] * 20, next_pause, initial=0.0))
    assert max(pauses) == MAX_PAUSE_SECONDS <= 5


@pytest.mark.parametrize("ran_seconds", [CALM_SECONDS + 1, 45.0])
def test_a_loop_that_had_recovered_starts_again_soon(ran_seconds: float) -> None:
    assert next_pause(MAX_PAUSE_SECONDS, ran_seconds) == FIRST_PAUSE_SECONDS


async def test_a_crash_is_counted_and_the_loop_goes_on() -> None:
    health, stopping, runs = Health(), asyncio.Event(), []

    async def loop(_: asyncio.Event, __: Pulse) -> None:
        runs.append(set(health.down))
        if len(runs) == 1:
            raise RuntimeError("trouble")
        stopping.set()

    await supervise("sender", loop, stopping, health)
    assert runs == [set(), set()]
    assert (health.crashes, health.down) == ({"sender": 1}, set())


def failing(health: Health, now: float) -> list[str]:
    return health.failing(now, 300)


def crashed_again_and_again(seconds: float) -> Health:
    """A loop that first crashed at 100 and crashed last so many seconds later."""
    health = Health()
    for at in range(100, 100 + int(seconds) + 1, 10):
        health.running_since["relay"] = at - 5
        health.crash("relay", at - 5, at)
    return health


def test_a_loop_is_failing_once_it_has_crashed_on_and_on_for_long():
    health = crashed_again_and_again(310)
    assert failing(health, 411) == ["relay"]
    assert failing(crashed_again_and_again(200), 301) == []


def test_a_loop_that_runs_calmly_again_is_not_failing():
    health = crashed_again_and_again(310)
    health.down.clear()
    health.running_since["relay"] = 415
    assert failing(health, 420) == ["relay"]
    assert failing(health, 416 + CALM_SECONDS) == []


def test_a_crash_after_calm_days_begins_a_new_count():
    health = crashed_again_and_again(310)
    health.running_since["relay"] = 415
    health.crash("relay", 415, 9000)
    assert failing(health, 9100) == []
    assert failing(health, 9301) == ["relay"]


class Hangs:
    """A process whose second look never comes to an end."""

    def __init__(self) -> None:
        self.looks = 0
        self.hangs = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        if self.looks == 2:
            self.hangs.set()
            await asyncio.Event().wait()
        return 0


End = Callable[[Iterable["asyncio.Task[None]"]], Awaitable[None]]


async def end_each(tasks: Iterable["asyncio.Task[None]"]) -> None:
    for task in tasks:
        await stopping.end(task)


def seconds() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def supervised(loop: Loop) -> AsyncIterator[Health]:
    health = Health()
    running = asyncio.create_task(supervise("forget", loop, asyncio.Event(), health))
    try:
        yield health
    finally:
        running.cancel()


async def test_a_loop_that_hangs_is_seen_once_it_showed_no_sign_of_life_for_long():
    process = Hangs()
    async with supervised(every(0.001, process.look)) as health:
        await asyncio.wait_for(process.hangs.wait(), 10)
        assert health.hanging(seconds() + 299, 300) == []
        assert health.hanging(seconds() + 301, 300) == ["forget"]


async def test_a_loop_that_has_nothing_to_do_may_rest_for_however_long():
    process = Hangs()
    async with supervised(every(3600, process.look)) as health:
        await eventually(lambda: process.looks == 1)
        await asyncio.sleep(0)
        assert health.hanging(seconds() + 86_400, 300) == []


async def test_a_loop_that_hangs_crashes_and_hangs_again_has_shown_no_sign_of_life():
    health, starts, stopping = Health(), [], asyncio.Event()

    async def loop(_: asyncio.Event, pulse: Pulse) -> None:
        starts.append(pulse.busy_since)
        if len(starts) == 2:
            stopping.set()
            return
        raise TimeoutError

    await supervise("relay", loop, stopping, health)
    assert starts[0] == starts[1] is not None


async def test_each_answer_from_elsewhere_is_a_sign_of_life_of_the_loop_that_asks():
    pulse, before = Pulse(), seconds() - 1

    async def ask(word: str) -> str:
        return word.upper()

    pulse.busy_since = before
    assert await heard(ask, pulse)("word") == "WORD"
    assert pulse.busy_since > before


async def test_an_answer_that_comes_while_its_loop_rests_does_not_make_it_busy():
    pulse = Pulse()
    with pulse.resting():
        pulse.beat()
        assert pulse.busy_since is None
    assert pulse.busy_since is not None


def hung_for(health: Health, seconds_ago: float) -> Health:
    health.pulse("relay").busy_since = seconds() - seconds_ago
    return health


async def told(answer: str | None) -> str | None:
    return answer


@pytest.mark.parametrize(("away", "says"), [(None, "hanging: relay"), ("no connection to PostgreSQL", None)])
async def test_a_hanging_loop_asks_for_a_restart_where_all_that_it_needs_is_there(
    away: str | None, says: str | None
):
    check = liveness(hung_for(Health(), 301), {"database": partial(told, away)}, 300)["loops"]
    assert await check() == says
    assert await liveness(hung_for(Health(), 299), {}, 300)["loops"]() is None


async def stubborn() -> None:
    """Keep the first cancellation to oneself, as `wait_for` may."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


@pytest.mark.parametrize("end_all", [end, end_each], ids=["dispatcher", "gateway"])
async def test_a_task_that_kept_its_cancellation_to_itself_is_told_again(end_all: End):
    tasks = [asyncio.create_task(stubborn()) for _ in range(2)]
    await asyncio.sleep(0)
    await end_all(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.parametrize("end_all", [end, end_each], ids=["dispatcher", "gateway"])
async def test_what_made_a_task_fail_is_raised_at_its_end(end_all: End):
    async def fail() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    with pytest.raises(ValueError, match="broken"):
        await end_all([task])
