"""The same request is one campaign: by its key for ever, by what it says for a window that has no hole at any edge."""

import asyncio
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from contracts.commands import CampaignSpec, RecipientSpec
from dispatcher import rebuilding
from dispatcher.creation import Clerk, Different, Recording
from dispatcher.enrolment import check
from dispatcher.handling import Cause
from support.dispatching import NOON_MS, RULES, SESSION, TENANT, Bed, Cut, breaking_off, groups
from support.sending import Recorder, new_sender, rounds

WINDOW_MS = 600_000
EDGE_MS = NOON_MS - NOON_MS % WINDOW_MS + WINDOW_MS
"""Where a clock that counts in spans of ten minutes would begin a new one."""


class Office:
    """Takes requests at any time that a test likes."""

    def __init__(self, bed: Bed, chunk: int = 2000) -> None:
        self.clerk = Clerk(bed.engine, RULES, chunk, WINDOW_MS)

    async def ask(
        self,
        at_ms: int = NOON_MS,
        *,
        key: str | None = None,
        jids: list[str] | None = None,
        tenant: str = TENANT,
        message: str = "hi",
        priority: str = "normal",
        session_id: str = SESSION,
    ) -> Recording:
        recipients = [RecipientSpec(group_jid=jid) for jid in jids or groups(3)]
        spec = CampaignSpec(session_id, message, recipients, priority=priority, idempotency_key=key)  # type: ignore[arg-type]
        return await self.clerk.record(tenant, uuid4(), check(spec, 972), Cause("story"), at_ms)


def ids(recordings: list[Recording]) -> set[UUID]:
    return {recording.row.campaign_id for recording in recordings}


async def differences(bed: Bed) -> list[object]:
    report = await rebuilding.verify(bed.engine, Console(quiet=True))
    return list(report.differences)


async def test_fifty_at_once_across_an_edge_are_one_campaign(bed: Bed):
    office = Office(bed)
    asked = [office.ask(EDGE_MS - 25 + offset) for offset in range(50)]
    recordings = await asyncio.gather(*asked)
    assert len(ids(recordings)) == 1
    assert [recording.repeated for recording in recordings].count(False) == 1
    assert (await bed.count("campaign_status"), await bed.count("recipient_status")) == (1, 3)


async def test_fifty_at_once_with_one_key_are_one_campaign(bed: Bed):
    office = Office(bed)
    recordings = await asyncio.gather(*(office.ask(EDGE_MS - 25 + n, key="k") for n in range(50)))
    assert (len(ids(recordings)), await bed.count("campaign_status")) == (1, 1)


async def test_fifty_at_once_around_the_end_of_the_window_are_one_new_campaign(bed: Bed):
    office = Office(bed)
    first = await office.ask(NOON_MS)
    recordings = await asyncio.gather(*(office.ask(NOON_MS + WINDOW_MS - 25 + n) for n in range(50)))
    assert len(ids([first, *recordings])) == 2
    assert await bed.count("campaign_status") == 2


@pytest.mark.parametrize(("later_ms", "repeated"), [(WINDOW_MS - 1, True), (WINDOW_MS, False)])
async def test_the_window_counts_from_the_campaign_itself(bed: Bed, later_ms: int, repeated: bool):
    office = Office(bed)
    await office.ask(NOON_MS)
    assert (await office.ask(NOON_MS + later_ms)).repeated is repeated


async def test_a_key_is_good_for_ever(bed: Bed):
    office = Office(bed)
    first = await office.ask(NOON_MS, key="k")
    again = await office.ask(NOON_MS + 1000 * WINDOW_MS, key="k")
    assert (again.row.campaign_id, again.repeated) == (first.row.campaign_id, True)


@pytest.mark.parametrize(
    "other",
    [{"message": "ho"}, {"jids": groups(2)}, {"jids": groups(4)}, {"priority": "high"}],
    ids=["message", "fewer", "more", "priority"],
)
async def test_a_key_used_for_something_else_is_refused_and_changes_nothing(bed: Bed, other: dict[str, str]):
    office = Office(bed)
    await office.ask(key="k")
    before = await bed.count("events")
    with pytest.raises(Different):
        await office.ask(key="k", **other)  # type: ignore[arg-type]
    assert await bed.count("events") == before


async def test_another_key_within_the_window_names_the_same_campaign_for_ever(bed: Bed):
    office = Office(bed)
    first = await office.ask(key="one")
    other = await office.ask(NOON_MS + 1, key="two")
    late = await office.ask(NOON_MS + 5 * WINDOW_MS, key="two")
    assert ids([first, other, late]) == {first.row.campaign_id}
    assert other.repeated
    assert late.repeated
    assert await differences(bed) == []


async def test_each_tenant_has_its_own_keys_and_its_own_window(bed: Bed):
    office = Office(bed)
    recordings = [
        await office.ask(key="k"),
        await office.ask(key="k", tenant="other", session_id="wa_of_other"),
    ]
    assert len(ids(recordings)) == 2


async def test_the_order_of_the_recipients_does_not_matter(bed: Bed):
    office = Office(bed)
    first = await office.ask(jids=groups(3))
    again = await office.ask(jids=groups(3)[::-1])
    assert ids([first, again]) == {first.row.campaign_id}


async def test_one_that_was_cut_off_is_completed_by_a_repeat_in_any_order_at_any_time(bed: Bed):
    jids = groups(35)
    office = Office(bed, chunk=10)
    cut = await _cut_off(bed, office, jids)
    repeat = await office.ask(NOON_MS + 3 * WINDOW_MS, jids=jids[::-1])
    assert (repeat.row.campaign_id, repeat.repeated, repeat.row.tally.queued) == (cut, True, 35)
    stored = await bed.fetch("SELECT recipient, position FROM recipient_status ORDER BY position")
    assert [position for _, position in stored] == list(range(35))
    assert {jid for jid, _ in stored} == set(jids)
    assert await differences(bed) == []


async def test_several_repeats_at_once_complete_it_together(bed: Bed):
    jids = groups(35)
    office = Office(bed, chunk=10)
    cut = await _cut_off(bed, office, jids)
    repeats = await asyncio.gather(office.ask(jids=jids), office.ask(jids=jids[::-1]), office.ask(jids=jids))
    assert ids(list(repeats)) == {cut}
    assert await bed.count("recipient_status") == 35
    assert (await bed.campaign(cut)).campaign.status == "queued"
    caller = Recorder()
    await rounds(bed, new_sender(bed, caller), 40)
    assert sorted(caller.called) == sorted(jids)


async def _cut_off(bed: Bed, office: Office, jids: list[str]) -> UUID:
    """Record only the first chunk, as a process that dies does."""
    recipients = [RecipientSpec(group_jid=jid) for jid in jids]
    accepted = check(CampaignSpec(SESSION, "hi", recipients), 972)
    campaign_id = uuid4()
    with breaking_off(bed.engine, after_chunks=1), pytest.raises(Cut):
        await office.clerk.record(TENANT, campaign_id, accepted, Cause("story"), NOON_MS)
    return campaign_id
