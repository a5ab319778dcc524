"""The rules that hold of the rows at any moment: checked on a live store, by hand and by a process."""

import pytest
from rich.console import Console

from contracts.delivery import MessageRead, MessageSent
from dispatcher.processes.verify_store import StoreCheck
from dispatcher.projections import invariants
from dispatcher.projections.verify import snapshot, verify
from dispatcher.pulse import Pulse
from dispatcher.rebuilding import verify as verify_all
from support.dispatching import Bed, groups, report
from support.mixed_history import live_through_much

QUIET = Console(quiet=True)

BREAKING = {
    "the statuses of a campaign add up to its recipients": (
        "UPDATE campaign_status SET recipients = recipients + 1 WHERE session_id = 'wa_other'",
    ),
    "a campaign counts the recipients that stand in each status": (
        "UPDATE campaign_status SET queued = queued - 1, cancelled = cancelled + 1 WHERE queued > 0",
    ),
    "who is queued stands in the send queue, and nobody else": (
        "DELETE FROM send_queue WHERE ctid = (SELECT min(ctid) FROM send_queue)",
    ),
    "one attempt is in flight per session and recipient": (
        "DROP INDEX one_attempt_in_flight_per_session_and_recipient",
        "INSERT INTO open_attempts SELECT gen_random_uuid(), campaign_id, recipient, number, session_id,"
        " deadline_ms, true FROM open_attempts WHERE in_flight",
    ),
    "an open attempt is one that was started": (
        "DELETE FROM attempts WHERE attempt_id IN (SELECT attempt_id FROM open_attempts)",
    ),
    "the versions of a stream have no gap": (
        "DELETE FROM events WHERE version = 2 AND stream LIKE 'recipient-%'",
    ),
    "the constraints stand": (
        "ALTER TABLE campaign_status DROP CONSTRAINT no_status_counts_fewer_than_none",
    ),
}


async def broken(bed: Bed) -> set[str]:
    """The rules that do not hold."""
    return {violation.rule for violation in (await verify_all(bed.engine, QUIET)).violations}


def test_every_rule_has_its_case():
    assert BREAKING.keys() == {
        *invariants.RULES,
        "the versions of a stream have no gap",
        "the constraints stand",
    }


async def test_a_mixed_history_breaks_no_rule(bed: Bed):
    await live_through_much(bed)
    assert await broken(bed) == set()


@pytest.mark.parametrize("rule", BREAKING)
async def test_a_broken_rule_is_found(bed: Bed, rule: str):
    await live_through_much(bed)
    await bed.begin(groups(2, 90))
    async with bed.engine.connect() as connection:
        for statement in BREAKING[rule]:
            await connection.exec_driver_sql(statement)
        found = {violation.rule for violation in await invariants.check(connection)}
        await connection.rollback()
    assert rule in found


async def test_one_campaign_is_verified_by_itself(bed: Bed):
    await live_through_much(bed)
    one, other = await bed.create(groups(3, 200)), await bed.create(groups(3, 300), "wa_other")
    await bed.execute("UPDATE recipient_status SET version = 9 WHERE campaign_id = :id", id=other)
    async with snapshot(bed.engine) as connection:
        clean, wrong = await verify(connection, [one]), await verify(connection, [other], page=2)
    assert clean.clean
    assert clean.rows["recipient_status"] == 3
    assert {difference.table for difference in wrong.differences} == {"recipient_status"}
    assert len(wrong.differences) == 3


async def test_a_line_without_an_event_is_found_in_one_campaign(bed: Bed):
    campaign_id = await bed.create(groups(3))
    await bed.execute("INSERT INTO send_queue VALUES (:id, 'x@g.us', 99, 1)", id=campaign_id)
    async with snapshot(bed.engine) as connection:
        found = await verify(connection, [campaign_id])
    assert {difference.table for difference in found.differences} == {"send_queue"}


async def test_the_process_looks_at_what_changed_since_it_last_looked(bed: Bed):
    await live_through_much(bed)
    check = StoreCheck(bed.engine, 1000, Pulse())
    await check.look()
    assert check.findings.found is None, "before the first look there is nothing to compare"
    await check.look()
    assert (check.findings.checks, check.findings.rows, check.findings.found) == (1, 0, 0)
    campaign_id = await bed.create(groups(3, 400))
    await bed.execute("UPDATE recipient_status SET version = 9 WHERE campaign_id = :id", id=campaign_id)
    await check.look()
    assert (check.findings.checks, check.findings.found) == (2, 3)


async def test_a_campaign_with_too_many_events_is_left_to_the_command_however_few_its_recipients(bed: Bed):
    [jid] = groups(1)
    check = StoreCheck(bed.engine, 10, Pulse())
    await check.look()
    await bed.begin([jid])
    await bed.tell(report(MessageSent, recipient=jid, message_id="3EB0READ"))
    about = {"recipient": jid, "message_id": "3EB0READ"}
    await bed.tell(*(report(MessageRead, **about, reader=f"9198123456{reader}") for reader in range(10, 20)))
    await bed.create(groups(2, 50), "wa_other")
    await bed.execute("UPDATE recipient_status SET lead_id = 'nobody'")
    await check.look()
    assert check.findings.found == 2, "those of the other campaign"
