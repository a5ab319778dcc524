"""What nobody claimed for long is forgotten, and nothing that may still matter; what stands still is listed."""

from uuid import UUID

import pytest

from contracts import delivery
from dispatcher.api.attention_queries import Wanted, items
from dispatcher.attention.decisions import Decision, decide
from dispatcher.attention.items import Action, Item, Kind
from dispatcher.attention.settling import Settled
from dispatcher.domain.campaign_commands import Pause
from dispatcher.handling import Cause, batch
from dispatcher.processes.forget import Forgetting
from dispatcher.quarantine.kept import Kept, keep
from dispatcher.quarantine.kept import Kind as Why
from support.dispatching import NOON_MS, RULES, TENANT, Bed, Cut, breaking_off, groups, report

DAY_MS = 86_400_000


def forgetting(bed: Bed) -> Forgetting:
    return Forgetting(bed.engine, DAY_MS, DAY_MS, bed.clock.now_ms)


async def parked(bed: Bed) -> list[str]:
    return [kind for (kind,) in await bed.fetch("SELECT body->>'type' FROM parked_reports ORDER BY 1")]


async def test_receipts_and_memberships_of_nothing_of_ours_are_forgotten_and_reports_about_sends_stay(
    bed: Bed,
):
    await bed.tell(
        report(delivery.MessageRead, message_id="3EB0A", recipient=groups(1)[0], reader="1"),
        report(delivery.MemberJoined, recipient=groups(1)[0], participant="1"),
        report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="no"),
    )
    assert await forgetting(bed).forget() == 0
    bed.clock.advance(DAY_MS / 1000 + 1)
    assert await forgetting(bed).forget() == 2
    assert await parked(bed) == ["message.errored"]


async def test_a_report_about_a_send_is_forgotten_when_the_tenant_of_its_session_lets_it_be(bed: Bed):
    await bed.tell(report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="no"))
    for tenant in ("other", TENANT):
        await let_be(bed, tenant)
    bed.clock.advance(DAY_MS / 1000 + 1)
    assert await forgetting(bed).forget() == 0, "nobody uses its session yet"
    await bed.create(groups(1))
    assert await forgetting(bed).forget() == 1
    assert await parked(bed) == []


async def test_a_report_about_a_send_stays_for_the_tenant_of_its_session_when_another_lets_it_be(bed: Bed):
    await bed.tell(report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="no"))
    await let_be(bed, "other")
    await bed.create(groups(1))
    bed.clock.advance(DAY_MS / 1000 + 1)
    assert await forgetting(bed).forget() == 0
    await let_be(bed, TENANT)
    assert await forgetting(bed).forget() == 1


async def let_be(bed: Bed, tenant: str) -> None:
    """Let a tenant dismiss the one report that it sees."""
    async with bed.engine.connect() as connection:
        [item] = await items(connection, [Kind.UNMATCHED_CALLBACK], Wanted(tenant), 10)
    decision = Decision(tenant, item.id, Action.DISMISS, "ann")
    assert await decide(bed.engine, RULES, decision, bed.clock.ms) == Settled(changed=True)


async def test_the_oldest_lines_of_the_quarantine_are_forgotten_but_not_what_is_being_sent_again(bed: Bed):
    old = [Kept(name, TENANT, Why.UNREADABLE, "wa.delivery.x", "why", b"{", NOON_MS) for name in ("a", "b")]
    async with bed.engine.begin() as connection:
        await keep(connection, old)
    await bed.execute("INSERT INTO quarantine_redrives VALUES ('b', 1)")
    assert await forgetting(bed).forget() == 0
    bed.clock.advance(DAY_MS / 1000 + 1)
    assert await forgetting(bed).forget() == 1
    assert await bed.fetch("SELECT id FROM quarantine") == [("b",)]


async def listed(bed: Bed, kind: Kind, **limits: int) -> list[Item]:
    async with bed.engine.connect() as connection:
        return await items(connection, [kind], Wanted(TENANT, **limits), 10)


async def test_a_callback_of_a_send_is_unmatched_only_after_its_limit(bed: Bed):
    await bed.tell(report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="no"))
    assert await listed(bed, Kind.UNMATCHED_CALLBACK, unmatched_until_ms=NOON_MS - 1) == []
    assert len(await listed(bed, Kind.UNMATCHED_CALLBACK, unmatched_until_ms=NOON_MS)) == 1


async def test_a_campaign_that_was_cut_off_is_listed_after_its_limit_and_dismissed(bed: Bed):
    campaign_id = UUID(int=1)
    with breaking_off(bed.engine, after_chunks=1), pytest.raises(Cut):
        await bed.create(groups(4), campaign_id=campaign_id, chunk=2)
    assert await listed(bed, Kind.CAMPAIGN, unfinished_until_ms=NOON_MS - 1) == []
    [item] = await listed(bed, Kind.CAMPAIGN, unfinished_until_ms=NOON_MS)
    assert (item.broadcast_id, item.what) == (
        campaign_id,
        "It was cut off while its recipients were recorded.",
    )
    for changed in (True, False):
        decision = Decision(TENANT, item.id, Action.DISMISS, "ann")
        assert await decide(bed.engine, RULES, decision, bed.clock.ms) == Settled(changed)
    assert await listed(bed, Kind.CAMPAIGN) == []


async def test_a_campaign_that_is_paused_for_long_is_listed_until_it_goes_on(bed: Bed):
    campaign_id = await bed.create(groups(1))
    assert await listed(bed, Kind.CAMPAIGN) == []
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        await handling.load(connection, campaign_ids=[campaign_id])
        handling.tell_campaign(campaign_id, Pause(bed.clock.ms, "ann"), Cause("story"))
    assert await listed(bed, Kind.CAMPAIGN, paused_until_ms=NOON_MS - 1) == []
    [item] = await listed(bed, Kind.CAMPAIGN)
    assert item.what == "It is paused."
