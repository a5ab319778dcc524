"""Each projection can be thrown away, made anew, and compared with the live one."""

import msgspec
import pytest
from rich.console import Console

from contracts.delivery import MessageFailed, MessageRead, MessageSent
from dispatcher.projections.compare import TABLES
from dispatcher.projections.rebuild import fold
from dispatcher.projections.verify import snapshot
from dispatcher.rebuilding import rebuild, verify
from support.dispatching import Bed, groups, report
from support.mixed_history import live_through_much

QUIET = Console(quiet=True)


async def contents(bed: Bed) -> dict[str, list[str]]:
    """All lines of all projections, as text."""
    return {
        table: [row[0] for row in await bed.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")]
        for table in TABLES
    }


async def test_a_rebuild_after_a_mixed_history_makes_the_same_tables(bed: Bed):
    await live_through_much(bed)
    live = await contents(bed)
    assert all(live.values()), {table: len(lines) for table, lines in live.items()}
    done = await rebuild(bed.engine, QUIET)
    assert await contents(bed) == live
    assert done.rows == {table: len(lines) for table, lines in live.items()}
    assert done.events == await bed.count("events")


async def test_a_comparison_after_a_mixed_history_finds_nothing_and_looks_at_every_row(bed: Bed):
    await live_through_much(bed)
    compared = await verify(bed.engine, QUIET)
    assert compared.differences == []
    assert compared.rows == {table: await bed.count(table) for table in TABLES}


async def test_small_chunks_come_to_the_same(bed: Bed):
    await live_through_much(bed)
    live = await contents(bed)
    assert (await verify(bed.engine, QUIET, page=3)).differences == []
    await rebuild(bed.engine, QUIET, page=3)
    assert await contents(bed) == live


async def test_a_chunk_holds_a_page_and_one_stream_at_most_however_many_have_read_each_message(bed: Bed):
    jids = groups(4)
    await bed.begin(jids)
    readers = [str(919_812_345_000 + number) for number in range(20)]
    for jid in jids:
        await bed.tell(report(MessageSent, recipient=jid, message_id=f"3EB0{jid[:18]}"))
        about = {"recipient": jid, "message_id": f"3EB0{jid[:18]}"}
        await bed.tell(*(report(MessageRead, **about, reader=reader) for reader in readers))
    async with snapshot(bed.engine) as connection:
        chunks = [chunk.changes async for chunk in fold(connection, page=10)]
    assert sum(len(chunk.readers) for chunk in chunks) == len(jids) * len(readers)
    assert max(len(chunk.readers) for chunk in chunks) == len(readers)


OWN_ID = "3EB0CHOSENBYTHEVPS"


async def test_an_id_that_two_messages_claim_stays_with_the_first_and_a_rebuild_says_so_too(bed: Bed):
    [jid] = groups(1)
    first, attempts = await bed.begin([jid])
    await bed.tell(report(MessageFailed, recipient=jid, client_ref=attempts[jid].id, error="not sent"))
    second, _ = await bed.begin([jid])
    await bed.tell(report(MessageSent, recipient=jid, message_id=OWN_ID))
    await bed.tell(report(MessageSent, recipient=jid, client_ref=attempts[jid].id, message_id=OWN_ID))
    assert await bed.statuses(first) + await bed.statuses(second) == ["sent", "sent"]
    owners = await bed.fetch("SELECT campaign_id FROM message_ids WHERE message_id = :id", id=OWN_ID)
    assert owners == [(second,)]
    assert (await verify(bed.engine, QUIET)).differences == []


async def test_an_id_that_two_attempts_claim_is_the_latest_ones_and_a_rebuild_says_so_too(bed: Bed):
    [jid] = groups(1)
    campaign_id, attempts = await bed.begin([jid])
    await bed.tell(report(MessageFailed, recipient=jid, error="not sent"))
    bed.clock.advance(60)
    again = await bed.start(campaign_id, [jid])
    for attempt in (again[jid], attempts[jid]):
        await bed.tell(report(MessageSent, recipient=jid, client_ref=attempt.id, message_id=OWN_ID))
    assert await bed.fetch("SELECT attempt FROM message_ids WHERE message_id = :id", id=OWN_ID) == [(2,)]
    assert (await verify(bed.engine, QUIET)).differences == []


async def test_a_rebuild_of_an_empty_store_is_empty(bed: Bed):
    done = await rebuild(bed.engine, QUIET)
    assert (done.events, set(done.rows.values())) == (0, {0})
    assert (await verify(bed.engine, QUIET)).differences == []


TAMPERING = {
    "recipient_status": "UPDATE {t} SET state = jsonb_set(state, '{{read_count}}', '7') WHERE ctid = {one}",
    "send_queue": "UPDATE {t} SET due_at_ms = due_at_ms + 1 WHERE ctid = {one}",
    "attempts": "UPDATE {t} SET number = number + 1 WHERE ctid = {one}",
    "open_attempts": "UPDATE {t} SET deadline_ms = deadline_ms + 1 WHERE ctid = {one}",
    "message_ids": "UPDATE {t} SET attempt = attempt + 1 WHERE ctid = {one}",
    "readers": "UPDATE {t} SET present = NOT present WHERE ctid = {one}",
    "idempotency_keys": "UPDATE {t} SET campaign_id = gen_random_uuid() WHERE ctid = {one}",
    "concerns": "UPDATE {t} SET since_ms = since_ms + 1 WHERE ctid = {one}",
    "dismissals": "UPDATE {t} SET by = 'nobody' WHERE ctid = {one}",
    "outcomes": "UPDATE {t} SET sent = sent + 1 WHERE ctid = {one}",
    "campaign_status": "UPDATE {t} SET queued = 0, sent = sent + queued WHERE campaign_id ="
    " (SELECT campaign_id FROM campaign_status WHERE queued > 0 LIMIT 1)",
    "session_status": "UPDATE {t} SET state = jsonb_set(state, '{{parks}}', '7') WHERE ctid = {one}",
    "group_directory": "UPDATE {t} SET version = version + 1 WHERE ctid = {one}",
    "community_parents": "UPDATE {t} SET version = version + 1 WHERE ctid = {one}",
}
COLUMNS = {
    "recipient_status": "UPDATE {t} SET status = 'read' WHERE status = 'queued'",
    "session_status": "UPDATE {t} SET stopped = NOT stopped",
}
"""Columns beside the state that the sender and the API read."""


def found(table: str, differences: list) -> bool:
    return any(difference.table == table for difference in differences)


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_that_was_tampered_with_is_found_and_mended(bed: Bed, table: str):
    await live_through_much(bed)
    live = await contents(bed)
    one = f"(SELECT min(ctid) FROM {table})"
    await bed.execute(TAMPERING[table].format(t=table, one=one))
    assert found(table, (await verify(bed.engine, QUIET)).differences), "a changed line"
    await bed.execute(f"DELETE FROM {table} WHERE ctid = {one}")
    differences = (await verify(bed.engine, QUIET)).differences
    assert found(table, differences), "a missing line"
    assert msgspec.json.encode(differences[0].key)
    await rebuild(bed.engine, QUIET)
    assert await contents(bed) == live


@pytest.mark.parametrize("table", COLUMNS)
async def test_a_column_beside_the_state_that_was_tampered_with_is_found(bed: Bed, table: str):
    await live_through_much(bed)
    await bed.execute(COLUMNS[table].format(t=table))
    assert found(table, (await verify(bed.engine, QUIET)).differences)


async def test_a_line_that_no_event_accounts_for_is_found(bed: Bed):
    await live_through_much(bed)
    await bed.execute("INSERT INTO outcomes VALUES ('nobody', 1, 1, 1)")
    await bed.execute(
        "INSERT INTO send_queue SELECT campaign_id, 'x@g.us', 99, 1 FROM campaign_status LIMIT 1"
    )
    tables = {difference.table for difference in (await verify(bed.engine, QUIET)).differences}
    assert tables == {"outcomes", "send_queue"}


async def test_an_id_that_a_faulty_vps_gave_to_two_recipients_is_whose_it_was_first(bed: Bed):
    first, second = groups(2)
    _, attempts = await bed.begin([first, second])
    for jid in (second, first):
        await bed.tell(
            report(MessageSent, recipient=jid, client_ref=attempts[jid].id, message_id="3EB0TWICE")
        )
    live = await contents(bed)
    assert (await verify(bed.engine, QUIET)).differences == []
    await rebuild(bed.engine, QUIET)
    assert await contents(bed) == live
