"""Compare folded rows with the live ones, table by table."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.outcome import Outcome
from dispatcher.domain.status import Status
from dispatcher.projections import (
    campaign_status,
    concerns,
    dismissals,
    group_directory,
    idempotency,
    recipient_status,
    session_status,
)
from dispatcher.projections.changes import Changes
from dispatcher.projections.lookups import load_readers
from dispatcher.projections.rows import AttemptRow, MessageIdRow, OpenAttemptRow, OutcomeRow
from dispatcher.store.postgres import as_rows

TABLES = (
    "recipient_status",
    "send_queue",
    "attempts",
    "open_attempts",
    "message_ids",
    "readers",
    "concerns",
    "dismissals",
    "outcomes",
    "idempotency_keys",
    "campaign_status",
    "session_status",
    "group_directory",
    "community_parents",
)
"""All projections and look-ups, in the order in which they are compared."""

OF_CAMPAIGNS = ("recipient_status", "send_queue", "readers", "concerns", "campaign_status")
"""Those whose lines of a campaign can be counted without reading all others."""


class Difference(msgspec.Struct, frozen=True):
    """A line that is not what the events say; None stands for a line that is not there."""

    table: str
    key: str
    folded: object
    live: object


class Comparison(msgspec.Struct):
    """What has been compared so far."""

    rows: dict[str, int] = {}
    differences: list[Difference] = []

    def add(self, table: str, folded: Mapping[Any, object], live: Mapping[Any, object]) -> None:
        """Compare the lines of one table that a chunk holds."""
        self.rows[table] = self.rows.get(table, 0) + len(folded)
        for key, row in folded.items():
            if live.get(key) != row:
                self.differences.append(Difference(table, str(key), row, live.get(key)))

    async def add_surplus(
        self, connection: AsyncConnection, campaigns: Collection[UUID] | None = None
    ) -> None:
        """Count the live lines, of these campaigns or all: more than were folded are lines without an event."""
        tables, where = (
            (TABLES, "")
            if campaigns is None
            else (OF_CAMPAIGNS, " WHERE campaign_id = ANY(CAST(:ids AS uuid[]))")
        )
        parameters = {} if campaigns is None else {"ids": list(campaigns)}
        for table in tables:
            counting = text(f"SELECT count(*) FROM {table}{where}")  # constants
            count = (await connection.execute(counting, parameters)).scalar_one()
            folded = self.rows.get(table, 0)
            if count != folded:
                self.differences.append(Difference(table, "number of lines", folded, count))


async def compare_chunk(connection: AsyncConnection, changes: Changes, comparison: Comparison) -> None:
    """Compare what one chunk of the fold holds."""
    keys = await idempotency.load(connection, changes.idempotency_keys.keys())
    comparison.add("idempotency_keys", changes.idempotency_keys, keys)
    let_be = await dismissals.load(connection, changes.dismissals.keys())
    comparison.add("dismissals", changes.dismissals, let_be)
    standing = {key: row for key, row in changes.concerns.items() if row is not None}
    live_concerns = await concerns.load(connection, standing.keys())
    comparison.add("concerns", standing, {(row.campaign_id, row.recipient): row for row in live_concerns})
    recipients = {key: changes.recipients[key] for key in changes.before}
    live = await recipient_status.load(connection, recipients.keys())
    comparison.add("recipient_status", recipients, {row.key: row for row in live})
    queued = {
        key: (row.position, row.state.due_at_ms)
        for key, row in recipients.items()
        if row.state.status is Status.QUEUED
    }
    comparison.add("send_queue", queued, await _queue(connection, queued.keys()))
    await _compare_lookups(connection, changes, comparison)
    await _compare_groups(connection, changes, comparison)
    sessions = {key: changes.sessions[key] for key in changes.sessions_before}
    live_sessions = await session_status.load(connection, sessions.keys())
    comparison.add("session_status", sessions, {row.session_id: row for row in live_sessions})


async def _compare_groups(connection: AsyncConnection, changes: Changes, comparison: Comparison) -> None:
    folded = [changes.groups[key] for key in changes.groups_before]
    live = await group_directory.load(connection, changes.groups_before.keys())
    for table, parents in (("group_directory", False), ("community_parents", True)):
        comparison.add(
            table,
            {row.key: row for row in folded if row.state.is_parent is parents},
            {row.key: row for row in live if row.state.is_parent is parents},
        )


async def compare_totals(connection: AsyncConnection, changes: Changes, comparison: Comparison) -> None:
    """Compare what the fold knows only at its end: campaigns with their totals."""
    campaigns = await campaign_status.load(connection, changes.campaigns.keys())
    comparison.add("campaign_status", changes.campaigns, {row.campaign_id: row for row in campaigns})


async def compare_copies(connection: AsyncConnection, comparison: Comparison) -> None:
    """Compare the columns that are copied for SQL with the state that they are copied from."""
    for table, statement in _STRAY_COPIES.items():
        for key, state, copy in await connection.execute(statement):
            comparison.differences.append(Difference(table, key, state, copy))


_STRAY_COPIES = {
    "recipient_status": text("""
        SELECT campaign_id || ' ' || recipient, state->>'status', status FROM recipient_status
        WHERE status IS DISTINCT FROM state->>'status'
    """),
    "session_status": text("""
        SELECT session_id, said::text, copied::text FROM session_status
        CROSS JOIN LATERAL (SELECT ROW(state->>'status', CAST(state->>'parked_until_ms' AS bigint),
                                       coalesce(CAST(state->>'stopped' AS boolean), false)) AS said,
                                   ROW(status, parked_until_ms, stopped) AS copied) AS both_ways
        WHERE said IS DISTINCT FROM copied
    """),
}
"""Lines whose columns for SQL are not what their own state, compared already, says: key, state's word, column's."""


_OUTCOMES = text(
    f"SELECT tenant, bucket_ms, {', '.join(Outcome.__struct_fields__)} FROM outcomes ORDER BY tenant, bucket_ms"
)


async def compare_outcomes(
    connection: AsyncConnection, folded: Mapping[tuple[str, int], OutcomeRow], comparison: Comparison
) -> None:
    """Compare what came of messages per ten seconds."""
    rows = [OutcomeRow(row[0], row[1], Outcome(*row[2:])) for row in await connection.execute(_OUTCOMES)]
    comparison.add("outcomes", folded, {(row.tenant, row.bucket_ms): row for row in rows})


_QUEUE = text("""
    SELECT q.campaign_id, q.recipient, q.position, q.due_at_ms FROM send_queue q
    JOIN json_to_recordset(CAST(:rows AS json)) AS k(campaign_id uuid, recipient text) USING (campaign_id, recipient)
""")


async def _queue(connection: AsyncConnection, keys: Iterable[tuple[Any, str]]) -> dict[Any, tuple[int, int]]:
    listed = [{"campaign_id": campaign_id, "recipient": recipient} for campaign_id, recipient in keys]
    rows = await connection.execute(_QUEUE, as_rows(listed))
    return {
        (campaign_id, recipient): (position, due_at_ms)
        for campaign_id, recipient, position, due_at_ms in rows
    }


_ATTEMPTS = text(
    "SELECT attempt_id::text, campaign_id, recipient, number, session_id, started_at_ms FROM attempts"
    " WHERE attempt_id = ANY(CAST(:keys AS uuid[]))"
)
_OPEN_ATTEMPTS = text(
    "SELECT attempt_id::text, campaign_id, recipient, number, session_id, deadline_ms, in_flight FROM open_attempts"
    " WHERE attempt_id = ANY(CAST(:keys AS uuid[]))"
)
_MESSAGE_IDS = text(
    f"SELECT {', '.join(MessageIdRow.__struct_fields__)} FROM message_ids"
    " WHERE message_id = ANY(CAST(:keys AS text[]))"
)


async def _compare_lookups(connection: AsyncConnection, changes: Changes, comparison: Comparison) -> None:
    attempts = [
        AttemptRow(*row) for row in await connection.execute(_ATTEMPTS, {"keys": list(changes.attempts)})
    ]
    comparison.add("attempts", changes.attempts, {row.attempt_id: row for row in attempts})
    opened = {attempt_id: row for attempt_id, row in changes.open_attempts.items() if row is not None}
    live = [OpenAttemptRow(*row) for row in await connection.execute(_OPEN_ATTEMPTS, {"keys": list(opened)})]
    comparison.add("open_attempts", opened, {row.attempt_id: row for row in live})
    ids = [
        MessageIdRow(*row)
        for row in await connection.execute(_MESSAGE_IDS, {"keys": list(changes.message_ids)})
    ]
    comparison.add("message_ids", changes.message_ids, {row.message_id: row for row in ids})
    readers = [changes.readers[key] for key in changes.changed_readers]
    known = await load_readers(connection, changes.changed_readers)
    comparison.add("readers", {row.key: row for row in readers}, {row.key: row for row in known})
