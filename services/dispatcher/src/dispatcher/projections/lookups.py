"""The look-ups: whose attempt is it, whose message id, and has this reader been counted?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.projections.rows import (
    AttemptRow,
    MessageIdRow,
    OpenAttemptRow,
    OutcomeRow,
    ReaderKey,
    ReaderRow,
)
from dispatcher.store.postgres import WORK, as_rows
from dispatcher.store.stream_names import Key
from dispatcher.store.writes import Writes

_ATTEMPTS = text("""
    INSERT INTO attempts (attempt_id, campaign_id, recipient, number, session_id, started_at_ms)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(attempt_id uuid, campaign_id uuid, recipient text, number integer, session_id text,
                       started_at_ms bigint)
""")
_CLOSED = text("""
    DELETE FROM open_attempts o USING json_array_elements_text(CAST(:rows AS json)) AS n(attempt_id)
    WHERE o.attempt_id = CAST(n.attempt_id AS uuid)
""")
_OPENED = text("""
    INSERT INTO open_attempts (attempt_id, campaign_id, recipient, number, session_id, deadline_ms, in_flight)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(attempt_id uuid, campaign_id uuid, recipient text, number integer, session_id text,
                       deadline_ms bigint, in_flight boolean)
    ON CONFLICT (attempt_id) DO UPDATE SET in_flight = excluded.in_flight
""")
_MESSAGE_IDS = text("""
    INSERT INTO message_ids (message_id, campaign_id, recipient, attempt)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(message_id text, campaign_id uuid, recipient text, attempt integer)
    ON CONFLICT (message_id) DO UPDATE SET attempt = greatest(message_ids.attempt, excluded.attempt)
        WHERE (message_ids.campaign_id, message_ids.recipient) = (excluded.campaign_id, excluded.recipient)
          AND message_ids.attempt < excluded.attempt
""")
_READERS = text("""
    INSERT INTO readers (campaign_id, recipient, kind, reader, present, seen_at_ms)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(campaign_id uuid, recipient text, kind text, reader text, present boolean, seen_at_ms bigint)
    ON CONFLICT ON CONSTRAINT a_reader_counts_once_per_kind
        DO UPDATE SET present = excluded.present, seen_at_ms = excluded.seen_at_ms
""")
_OUTCOMES = text("""
    INSERT INTO outcomes (tenant, bucket_ms, sent, failed, retried, responses, response_ms, slowest_ms)
    SELECT n.tenant, n.bucket_ms, o.* FROM json_to_recordset(CAST(:rows AS json))
                  AS n(tenant text, bucket_ms bigint, outcome json)
    CROSS JOIN LATERAL json_to_record(n.outcome) AS o(sent integer, failed integer, retried integer,
                                                      responses integer, response_ms bigint, slowest_ms bigint)
    ON CONFLICT (tenant, bucket_ms)
        DO UPDATE SET sent = outcomes.sent + excluded.sent, failed = outcomes.failed + excluded.failed,
            retried = outcomes.retried + excluded.retried, responses = outcomes.responses + excluded.responses,
            response_ms = outcomes.response_ms + excluded.response_ms,
            slowest_ms = greatest(outcomes.slowest_ms, excluded.slowest_ms)
""")
_LOAD_READERS = text("""
    SELECT r.campaign_id, r.recipient, r.kind, r.reader, r.present, r.seen_at_ms
    FROM json_array_elements(CAST(:rows AS json)) AS k(key)
    JOIN readers r ON r.campaign_id = CAST(k.key->>0 AS uuid) AND r.recipient = k.key->>1
                  AND r.kind = k.key->>2 AND r.reader = k.key->>3
""")
_FIND_ATTEMPTS = text("""
    SELECT a.attempt_id::text, a.campaign_id, a.recipient, a.number
    FROM attempts a JOIN campaign_status c USING (campaign_id)
    WHERE a.attempt_id = ANY(CAST(:ids AS uuid[])) AND c.tenant = :tenant
""")


async def find_attempts(
    connection: AsyncConnection, tenant: str, ids: Collection[UUID]
) -> dict[str, tuple[Key, int]]:
    """Return whose attempts these are, and their numbers; those of other tenants are not found."""
    rows = await connection.execute(_FIND_ATTEMPTS, {"ids": list(ids), "tenant": tenant})
    return {attempt_id: ((campaign_id, jid), number) for attempt_id, campaign_id, jid, number in rows}


def write_attempts(
    writes: Writes,
    new: Sequence[AttemptRow],
    touched: Mapping[str, OpenAttemptRow | None],
    freed: Iterable[str],
) -> None:
    """Write new attempts, and which of those touched are open; what closed makes room before others open. `freed` are
    the sessions on which a recipient may be sent to again.
    """
    opened = sorted((row for row in touched.values() if row is not None), key=lambda row: row.in_flight)
    closed = [attempt_id for attempt_id, row in touched.items() if row is None]
    writes.add(_CLOSED, closed, first=bool(opened))
    writes.add(_ATTEMPTS, new)
    writes.add(_OPENED, opened)
    for session_id in freed:
        writes.tell(WORK, session_id)


def write_message_ids(writes: Writes, rows: Sequence[MessageIdRow]) -> None:
    """Write whose ids are whose. An id that is known stays its recipient's; of its attempts the latest counts."""
    writes.add(_MESSAGE_IDS, rows)


def write_readers(writes: Writes, rows: Sequence[ReaderRow]) -> None:
    """Write what readers did."""
    writes.add(_READERS, rows)


def write_outcomes(writes: Writes, rows: Sequence[OutcomeRow]) -> None:
    """Add to what came of messages."""
    writes.add(_OUTCOMES, rows)


async def load_readers(connection: AsyncConnection, keys: Collection[ReaderKey]) -> list[ReaderRow]:
    """Return what is known of these readers."""
    if not keys:
        return []
    return [ReaderRow(*row) for row in await connection.execute(_LOAD_READERS, as_rows(list(keys)))]
