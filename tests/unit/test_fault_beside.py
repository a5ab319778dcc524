"""What goes on beside the faults ends with them."""

import asyncio

import pytest

from local_stack.fault.beside import beside


async def test_it_goes_on_while_the_context_lasts_and_is_ended_with_it():
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(work()):
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_cancellation_that_gets_lost_on_the_way_is_told_again():
    lost = 0

    async def work() -> None:
        nonlocal lost
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with beside(work()):
            await asyncio.sleep(0)
    assert lost == 1


async def test_what_made_it_fail_is_raised_at_the_end():
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async with beside(work()):
            await asyncio.sleep(0)
