"""Commands over NATS to create campaigns: which are rejected, and that nobody waits while one is looked at."""

import asyncio
from datetime import UTC, datetime
from threading import Event
from uuid import UUID

import pytest

from contracts.commands import CampaignSpec, CreateCampaign, RecipientSpec
from dispatcher import enrolment
from dispatcher.consumers import commands
from dispatcher.creation import Clerk
from dispatcher.domain.phone import CountryCodes
from dispatcher.enrolment import Bounds
from dispatcher.translate import to_time
from support.dispatching import RULES, SESSION, TENANT, Bed, groups

CAMPAIGN = UUID(int=7)
MOST = 3


async def ask(bed: Bed, jids: list[str], at: datetime | None = None) -> list[tuple[str, str | None]]:
    """Ask for a campaign to groups; return how the command was answered: the event, and its code."""
    recipients = [RecipientSpec(group_jid=jid) for jid in jids]
    campaign = CampaignSpec(SESSION, "hi", recipients, scheduled_at=at)
    wish = CreateCampaign(
        id="1",
        time=to_time(bed.clock.ms),
        tenant=TENANT,
        correlation="story",
        broadcast_id=str(CAMPAIGN),
        campaign=campaign,
    )
    clerk = Clerk(bed.engine, RULES)
    await commands.Commands(clerk, CountryCodes(972), bed.clock.now_ms, Bounds(MOST, (), 1830)).handle([wish])
    return await bed.fetch("SELECT type, data->>'code' FROM events WHERE stream LIKE 'command-%'")


async def test_a_campaign_to_more_recipients_than_one_may_have_is_rejected(bed: Bed):
    assert await ask(bed, groups(MOST + 1)) == [("campaign.command_rejected", "TOO_MANY_RECIPIENTS")]
    assert await bed.count("campaign_status") == 0


async def test_a_campaign_to_as_many_recipients_as_one_may_have_is_created(bed: Bed):
    assert await ask(bed, groups(MOST)) == [("campaign.command_accepted", None)]
    assert (await bed.campaign(CAMPAIGN)).tally.queued == MOST


async def test_a_campaign_that_is_scheduled_for_a_time_that_nobody_can_mean_is_rejected(bed: Bed):
    refused = [("campaign.command_rejected", "SCHEDULED_AT_REFUSED")]
    assert await ask(bed, groups(1), datetime.max.replace(tzinfo=UTC)) == refused
    assert await bed.count("campaign_status") == 0


async def test_the_event_loop_goes_on_while_recipients_are_checked(bed: Bed, monkeypatch: pytest.MonkeyPatch):
    loop, went_on = asyncio.get_running_loop(), Event()

    def check(spec: CampaignSpec, country_code: int) -> enrolment.Accepted:
        loop.call_soon_threadsafe(went_on.set)
        assert went_on.wait(5)
        return enrolment.check(spec, country_code)

    monkeypatch.setattr(commands, "check", check)
    assert await ask(bed, groups(1)) == [("campaign.command_accepted", None)]
