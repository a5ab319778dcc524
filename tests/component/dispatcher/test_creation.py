"""A campaign is recorded in chunks; one that was cut off sends nothing until a repeat has completed it."""

import asyncio
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from contracts.commands import CampaignSpec, RecipientSpec
from dispatcher.creation import Clerk, Different, SomebodyElses
from dispatcher.directory import Directory
from dispatcher.domain.campaign_commands import Cancel
from dispatcher.enrolment import check
from dispatcher.group_listing import Listed
from dispatcher.handling import Cause
from dispatcher.processes.cancel_queued import Cancelling
from dispatcher.projections import invariants
from dispatcher.projections.rows import CampaignRow
from dispatcher.rebuilding import verify
from dispatcher.steering import Wish, carry_out
from support.dispatching import RULES, SESSION, TENANT, Bed, Cut, breaking_off, counted, groups
from support.sending import Recorder, new_sender, rounds

CAMPAIGN = UUID(int=7)


async def create_cut_off(bed: Bed, jids: list[str], *, after_chunks: int) -> None:
    """Create in chunks of ten, and break off in the chunk behind `after_chunks`."""
    with breaking_off(bed.engine, after_chunks=after_chunks), pytest.raises(Cut):
        await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)


async def told(bed: Bed) -> int:
    """Return how many events tell of campaigns and recipients."""
    [(events,)] = await bed.fetch("SELECT count(*) FROM events WHERE stream NOT LIKE 'session-%'")
    return int(events)


async def test_a_campaign_is_queued_when_its_last_chunk_is_recorded(bed: Bed):
    jids = groups(35)
    await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)
    row = await bed.campaign(CAMPAIGN)
    assert (row.campaign.status, row.tally.queued) == ("queued", 35)
    stored = await bed.fetch("SELECT recipient FROM recipient_status ORDER BY position")
    assert [jid for (jid,) in stored] == jids
    types = await bed.fetch(
        "SELECT type, version FROM events WHERE stream LIKE 'campaign-%' ORDER BY version"
    )
    assert types == [("campaign.accepted", 1), ("campaign.queued", 2)]


async def test_one_that_was_cut_off_stays_accepted_and_nothing_of_it_is_sent(bed: Bed):
    await create_cut_off(bed, groups(35), after_chunks=1)
    row = await bed.campaign(CAMPAIGN)
    assert (row.campaign.status, row.tally.queued, row.campaign.recipients) == ("accepted", 10, 35)
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 2)
    assert caller.called == []


async def test_one_that_was_cut_off_in_its_first_chunk_left_nothing(bed: Bed):
    await create_cut_off(bed, groups(35), after_chunks=0)
    assert (await bed.count("events"), await bed.count("campaign_status")) == (0, 0)


async def test_a_repeat_completes_what_was_cut_off(bed: Bed):
    jids = groups(35)
    await create_cut_off(bed, jids, after_chunks=2)
    await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)
    row = await bed.campaign(CAMPAIGN)
    assert (row.campaign.status, row.tally.queued) == ("queued", 35)
    assert await told(bed) == 37


async def cancel(bed: Bed) -> CampaignRow:
    """Cancel the campaign and all that is queued in it; return it as it then stands."""
    wish = Wish(TENANT, CAMPAIGN, Cancel(bed.clock.ms, "dana"), Cause("story"))
    assert isinstance(await carry_out(bed.engine, RULES, wish), CampaignRow)
    cancelling = Cancelling(bed.engine, RULES, bed.clock.now_ms)
    while await cancelling.cancel():
        pass
    return await bed.campaign(CAMPAIGN)


async def test_one_that_was_cut_off_and_cancelled_is_finished_and_breaks_no_rule(bed: Bed):
    await create_cut_off(bed, groups(35), after_chunks=1)
    row = await cancel(bed)
    assert (row.campaign.status, row.tally.cancelled) == ("cancelled", 10)
    assert row.campaign.finished_at_ms == bed.clock.ms
    assert (await verify(bed.engine, Console(quiet=True))).clean


async def test_one_that_was_cut_off_with_nobody_to_send_to_is_finished_when_it_is_cancelled(bed: Bed):
    jids = groups(35)
    parents = Listed({}, frozenset(jids))
    await Directory(bed.engine, RULES, bed.clock.now_ms).sync(SESSION, parents, bed.clock.ms)
    await create_cut_off(bed, jids, after_chunks=1)
    row = await cancel(bed)
    assert (row.campaign.status, row.tally.skipped) == ("cancelled", 10)
    assert row.campaign.finished_at_ms == bed.clock.ms
    assert (await verify(bed.engine, Console(quiet=True))).clean


async def test_a_repeat_of_what_was_cut_off_and_cancelled_records_nothing(bed: Bed):
    jids = groups(35)
    await create_cut_off(bed, jids, after_chunks=1)
    row, events = await cancel(bed), await told(bed)
    await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)
    assert (await bed.campaign(CAMPAIGN), await told(bed)) == (row, events)


@pytest.mark.parametrize("recorded", [34, 36])
async def test_a_cancelled_campaign_that_was_wholly_recorded_must_add_up(bed: Bed, recorded: int):
    await bed.create(groups(recorded), campaign_id=CAMPAIGN, chunk=10)
    await cancel(bed)
    async with bed.engine.connect() as connection:
        await connection.exec_driver_sql(
            "ALTER TABLE campaign_status DROP CONSTRAINT the_statuses_count_no_more_than_the_campaign_has"
        )
        await connection.exec_driver_sql("UPDATE campaign_status SET recipients = 35")
        found = {violation.rule for violation in await invariants.check(connection)}
        await connection.rollback()
    assert "the statuses of a campaign add up to its recipients" in found


async def test_a_repeat_of_a_complete_one_changes_nothing(bed: Bed):
    jids = groups(35)
    await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)
    with counted(bed.engine) as statements:
        await bed.create(jids, campaign_id=CAMPAIGN, chunk=10)
    assert not any("INSERT" in statement or "UPDATE" in statement for statement in statements)
    assert await told(bed) == 37


async def test_the_same_id_with_more_recipients_is_refused_and_changes_nothing(bed: Bed):
    await bed.create(groups(3), campaign_id=CAMPAIGN)
    with pytest.raises(Different):
        await bed.create(groups(5), campaign_id=CAMPAIGN)
    row = await bed.campaign(CAMPAIGN)
    assert (row.campaign.recipients, row.tally.total) == (3, 3)


async def test_a_repeat_while_it_runs_changes_nothing(bed: Bed):
    jids = groups(3)
    await bed.create(jids, campaign_id=CAMPAIGN)
    await bed.start(CAMPAIGN, jids[:2])
    await bed.create(jids, campaign_id=CAMPAIGN)
    assert await bed.statuses(CAMPAIGN) == ["processing", "processing", "queued"]


async def test_repeated_recipients_are_left_out_and_count_once(bed: Bed):
    first, second = groups(2)
    await bed.create([first, second, first], campaign_id=CAMPAIGN)
    assert (await bed.campaign(CAMPAIGN)).campaign.recipients == 2


async def record_for(bed: Bed, tenant: str) -> str:
    """Record a campaign of a tenant through one session; return the tenant, or why not."""
    recipients = [RecipientSpec(group_jid=jid) for jid in groups(3)]
    accepted = check(CampaignSpec(session_id=SESSION, message="hi", recipients=recipients), 972)
    try:
        await Clerk(bed.engine, RULES).record(tenant, uuid4(), accepted, Cause("story"), bed.clock.ms)
    except SomebodyElses:
        return "refused"
    return tenant


async def test_of_two_tenants_at_once_the_first_gets_a_session_that_nobody_has_used(bed: Bed):
    tenants = [f"tenant{number % 2}" for number in range(8)]
    outcomes = await asyncio.gather(*(record_for(bed, tenant) for tenant in tenants))
    owner = (await bed.session()).tenant
    assert outcomes == [tenant if tenant == owner else "refused" for tenant in tenants]
    assert await bed.fetch("SELECT DISTINCT tenant FROM campaign_status") == [(owner,)]
    assert await bed.fetch("SELECT DISTINCT tenant FROM events") == [(owner,)]
