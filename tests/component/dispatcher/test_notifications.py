"""What is committed wakes those that wait for it, at once and from any connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.delivery import MessageFailed, MessageSent
from dispatcher.notifications import Line, Wake, listen
from dispatcher.pulse import Pulse
from dispatcher.store.postgres import APPENDED, WORK
from support.dispatching import SESSION, Bed, groups, report
from support.eventually import eventually


class Woken:
    """What each channel told."""

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {WORK: [], APPENDED: []}

    def wakes(self) -> dict[str, Wake]:
        return {channel: told.append for channel, told in self.told.items()}

    async def until(self, channel: str, *payloads: str) -> None:
        """Wait until nothing but this was told, beside the word at the beginning."""
        await eventually(lambda: self.told[channel] == ["", *payloads], 5)


@asynccontextmanager
async def listening(database_url: str) -> AsyncIterator[Woken]:
    """Listen while the context lasts; everybody was woken once when it begins."""
    woken, stopping = Woken(), asyncio.Event()
    task = asyncio.create_task(listen(Line(database_url), woken.wakes(), stopping, Pulse()))
    try:
        await eventually(lambda: all(woken.told.values()), 10)
        yield woken
    finally:
        stopping.set()
        await asyncio.wait_for(task, 10)


async def test_a_new_campaign_wakes_the_sender_and_the_relay(bed: Bed, migrated_url: str):
    async with listening(migrated_url) as woken:
        await bed.create(groups(1), "wa_new")
        await woken.until(WORK, "wa_new")
        await woken.until(APPENDED, "")


async def test_a_retry_wakes_the_sender_so_that_it_knows_when_it_is_due(bed: Bed, migrated_url: str):
    [jid] = groups(1)
    await bed.begin([jid])
    async with listening(migrated_url) as woken:
        await bed.tell(report(MessageFailed, recipient=jid, error="closed"))
        await woken.until(WORK, SESSION)


async def test_a_settled_message_wakes_the_sender_for_the_campaign_that_waits_behind_it(
    bed: Bed, migrated_url: str
):
    [jid] = groups(1)
    _, attempts = await bed.begin([jid])
    await bed.create([jid])
    async with listening(migrated_url) as woken:
        await bed.tell(report(MessageSent, recipient=jid, message_id=attempts[jid].message_id))
        await woken.until(WORK, SESSION)


async def test_a_lost_connection_is_a_fault_so_that_it_is_made_anew(bed: Bed, migrated_url: str):
    woken = Woken()
    task = asyncio.create_task(listen(Line(migrated_url), woken.wakes(), asyncio.Event(), Pulse()))
    await eventually(lambda: all(woken.told.values()), 10)
    await bed.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(task, 10)
