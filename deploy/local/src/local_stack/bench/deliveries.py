"""Delivery reports per second, from JetStream to the commit, beside a bare insert-and-update on the same database."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec
import nats
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import streams, subjects
from contracts.commands import CampaignSpec, RecipientSpec
from contracts.delivery import MessageSent, Report
from dispatcher import broker
from dispatcher.app import collect_seldom
from dispatcher.broker import Outgoing
from dispatcher.composition.given import now_ms
from dispatcher.consumers import deliveries
from dispatcher.consumers.batch import Intake
from dispatcher.creation import Clerk
from dispatcher.domain import recipient_commands as command
from dispatcher.enrolment import check
from dispatcher.handling import Cause, Handling, Rules
from dispatcher.pulse import Pulse
from dispatcher.store import migrate
from dispatcher.store.postgres import appending, connect
from local_stack.bench.figure import Figure, MeasurementError, figure_of, scaled
from local_stack.bench.rig import Rig
from local_stack.bench.rounds import take_turns

NAME = "delivery_reports_per_second"
AIM = 0.3
REPORTS = 5_000
ROUNDS = 5
BATCH = 500
EVENT = (
    '{"type":"recipient.sent","at_ms":1795229387826,"attempt":1,"sent_at_ms":1795229387796,'
    '"message_id":"3EB01329F0E1CFA021F8EF","source":"callback"}'
)
"""An event as the dispatcher records it."""


async def measure(rig: Rig, scale: float) -> list[Figure]:
    """Measure in rounds; each applies as many reports as the bare loop writes rows for."""
    collect_seldom()  # as the dispatcher does
    database_url, nats_url = rig.start_postgres(), rig.start_nats()
    count = scaled(REPORTS, scale)
    engine = connect(database_url)
    client = await nats.connect(nats_url)
    bare = await asyncpg.connect(database_url)
    try:
        await migrate.migrate(engine)
        await broker.set_up(client.jetstream())
        reports = await _send_all(engine, (ROUNDS + 1) * count)
        rows = await _bare_rows(bare)
        firsts, bare_firsts = itertools.count(0, count), itertools.count(0, count)
        rates = await take_turns(
            NAME,
            lambda: _consumer_rate(engine, client, reports[(first := next(firsts)) : first + count]),
            lambda: _bare_rate(bare, rows[(first := next(bare_firsts)) : first + count]),
            ROUNDS,
            rig.tell,
        )
        await _check(engine, len(reports))
    finally:
        await bare.close()
        await client.close()
        await engine.dispose()
    detail = f"{count} reports in batches of up to {BATCH}, median of {ROUNDS} rounds"
    return [figure_of(NAME, rates.value, rates.bare, AIM, detail)]


async def _send_all(engine: AsyncEngine, count: int) -> list[Outgoing]:
    """Record a campaign whose messages are all on their way; return the reports that say that they were sent."""
    rules, campaign_id = Rules(), uuid4()
    recipients = [RecipientSpec(group_jid=f"120363{number:012d}@g.us") for number in range(count)]
    accepted = check(CampaignSpec("bench", "hello", recipients), 972)
    await Clerk(engine, rules).record("default", campaign_id, accepted, Cause("bench"), now_ms())
    reports = []
    for keys in _batches([(campaign_id, one.address.jid) for one in accepted.recipients]):
        handling = Handling(rules, now_ms())
        async with appending(engine) as connection:
            await handling.load(connection, keys)
            for key in keys:
                wish = command.StartSend(handling.now_ms, str(uuid4()), uuid4().hex, handling.now_ms + 10**7)
                handling.tell_recipient(key, wish, Cause("bench"))
            await handling.commit(connection)
        reports += [
            _report(key, handling.changes.recipients[key].state.attempts[-1].message_id) for key in keys
        ]
    return reports


def _batches(keys: list[tuple[UUID, str]]) -> Iterator[list[tuple[UUID, str]]]:
    return (keys[start : start + 2000] for start in range(0, len(keys), 2000))


def _report(key: tuple[UUID, str], message_id: str) -> Outgoing:
    at = datetime.now(UTC)
    report = MessageSent(
        id=f"bench-{message_id}",
        time=at,
        correlation="bench",
        session_id="bench",
        at=at,
        recipient=key[1],
        message_id=message_id,
    )
    return Outgoing(subjects.of_delivery(report), msgspec.json.encode(report), report.id)


async def _consumer_rate(engine: AsyncEngine, client: Client, published: Sequence[Outgoing]) -> float:
    """Publish these reports, then return how many a second the consumer commits."""
    await broker.Publisher(client).publish(published)
    reports = deliveries.Deliveries(engine, Rules(), now_ms)
    done, seen = asyncio.Event(), 0

    async def handle(batch: Sequence[Report]) -> None:
        nonlocal seen
        await reports.handle(batch)
        seen += len(batch)
        if seen >= len(published):
            done.set()

    intake = Intake(
        streams.DISPATCHER_DELIVERIES, deliveries.decode, handle, client, broker.Publisher(client), BATCH
    )
    stopping = asyncio.Event()
    running = asyncio.create_task(intake.run(stopping, Pulse()))
    started = time.perf_counter()
    await done.wait()
    seconds = time.perf_counter() - started
    stopping.set()
    await running
    return len(published) / seconds


async def _check(engine: AsyncEngine, count: int) -> None:
    """Raise MeasurementError unless the campaign counts all reports."""
    async with engine.connect() as connection:
        sent = (await connection.execute(text("SELECT sum(sent) FROM campaign_status"))).scalar_one()
    if sent != count:
        raise MeasurementError(f"{sent} of {count} reports were applied")


async def _bare_rows(connection: "asyncpg.Connection[asyncpg.Record]") -> list[asyncpg.Record]:
    """Make tables of the same shape with the same contents; return the rows that will be updated."""
    await connection.execute(
        "CREATE TABLE bare_events (LIKE events INCLUDING ALL);"
        "CREATE TABLE bare_status (LIKE recipient_status INCLUDING ALL) WITH (fillfactor = 70);"
        "INSERT INTO bare_status SELECT * FROM recipient_status"
    )
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT campaign_id, recipient, state::text FROM bare_status ORDER BY position"
    )
    return rows


async def _bare_rate(
    connection: "asyncpg.Connection[asyncpg.Record]", rows: Sequence[asyncpg.Record]
) -> float:
    """Return the rows per second of a loop that does for each report what event sourcing cannot do without, and no
    more: insert an event and update a recipient.
    """
    started = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        await _bare_batch(connection, rows[first : first + BATCH])
    return len(rows) / (time.perf_counter() - started)


async def _bare_batch(
    connection: "asyncpg.Connection[asyncpg.Record]", rows: Sequence[asyncpg.Record]
) -> None:
    campaigns, recipients, states = (list(column) for column in zip(*rows, strict=True))
    streams_of_rows = [f"recipient-{campaign}+{recipient}" for campaign, recipient, _ in rows]
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO bare_events (stream, version, type, data, status, tenant, correlation, recorded_at_ms)"
            " SELECT s, 3, 'recipient.sent', d::jsonb, 'sent', 'default', 'bench', 0"
            " FROM unnest($1::text[], $2::text[]) AS n(s, d)",
            streams_of_rows,
            [EVENT] * len(rows),
        )
        await connection.execute(
            "UPDATE bare_status r SET version = 3, status = 'sent', state = n.d::jsonb"
            " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(c, r, d)"
            " WHERE r.campaign_id = n.c AND r.recipient = n.r",
            campaigns,
            recipients,
            states,
        )
