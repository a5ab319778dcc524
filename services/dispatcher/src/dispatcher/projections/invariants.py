"""What must hold of the rows at any moment, each rule a sentence and the statement that finds what breaks it.

The constraints of the tables forbid most of it already; these rules also see what was changed by hand, or restored
from half a backup.
"""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import Executable, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.status import Status

SHOWN = 20
"""So many violations of a rule are told; one is enough to know."""


class Violation(msgspec.Struct, frozen=True):
    """A rule, and what breaks it."""

    rule: str
    key: str
    found: str


_SUM = " + ".join(f"c.{status.value}" for status in Status)
_SAID = ", ".join(f"('{status.value}', c.{status.value})" for status in Status)
_WHOLLY_RECORDED = """
    SELECT 1 FROM events e WHERE e.stream = 'campaign-' || c.campaign_id
                             AND e.type IN ('campaign.scheduled', 'campaign.queued')
"""  # one that was cancelled before that has fewer recipients than it wanted, for ever
_OF_CAMPAIGNS = "(CAST(:campaigns AS uuid[]) IS NULL OR {column} = ANY(CAST(:campaigns AS uuid[])))"


def _rule(statement: str, column: str) -> str:
    scope = _OF_CAMPAIGNS.format(column=column)
    return f"SELECT key, found FROM ({statement.format(scope=scope)}) AS broken(key, found) LIMIT {SHOWN}"


RULES = {
    "the statuses of a campaign add up to its recipients": _rule(
        f"""
        SELECT c.campaign_id::text, ({_SUM}) || ' of ' || c.recipients FROM campaign_status c
        WHERE {{scope}} AND c.stage <> 'accepted' AND {_SUM} <> c.recipients
          AND NOT (c.status = 'cancelled' AND {_SUM} < c.recipients AND NOT EXISTS ({_WHOLLY_RECORDED}))
        """,
        "c.campaign_id",
    ),
    "a campaign counts the recipients that stand in each status": _rule(
        f"""
        SELECT c.campaign_id || ' ' || said.status, said.number || ', not ' || coalesce(r.number, 0)
        FROM campaign_status c
        CROSS JOIN LATERAL (VALUES {_SAID}) AS said(status, number)
        LEFT JOIN (SELECT campaign_id, status, count(*) AS number FROM recipient_status c WHERE {{scope}}
                   GROUP BY campaign_id, status) r
               ON r.campaign_id = c.campaign_id AND r.status = said.status
        WHERE {{scope}} AND said.number <> coalesce(r.number, 0)
        """,
        "c.campaign_id",
    ),
    "who is queued stands in the send queue, and nobody else": _rule(
        """
        SELECT c.campaign_id || ' ' || c.recipient, 'queued, and not in the queue' FROM recipient_status c
        WHERE {scope} AND c.status = 'queued' AND NOT EXISTS (
            SELECT 1 FROM send_queue q WHERE q.campaign_id = c.campaign_id AND q.recipient = c.recipient)
        UNION ALL
        SELECT c.campaign_id || ' ' || c.recipient, 'in the queue, and not queued' FROM send_queue c
        WHERE {scope} AND NOT EXISTS (
            SELECT 1 FROM recipient_status r
            WHERE r.campaign_id = c.campaign_id AND r.recipient = c.recipient AND r.status = 'queued')
        """,
        "c.campaign_id",
    ),
    "one attempt is in flight per session and recipient": _rule(
        """
        SELECT session_id || ' ' || recipient, count(*) || ' in flight' FROM open_attempts c
        WHERE {scope} AND in_flight GROUP BY session_id, recipient HAVING count(*) > 1
        """,
        "c.campaign_id",
    ),
    "an open attempt is one that was started": _rule(
        """
        SELECT c.attempt_id::text, 'not among the attempts' FROM open_attempts c
        WHERE {scope} AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.attempt_id = c.attempt_id)
        """,
        "c.campaign_id",
    ),
}
"""By sentence: the statement that returns key and finding of what breaks it, of some campaigns or (NULL) of all."""

_STREAMS = text(f"""
    SELECT stream, count(*) || ' events, the last is number ' || max(version) FROM events
    GROUP BY stream HAVING count(*) <> max(version) OR min(version) <> 1 LIMIT {SHOWN}
""")  # the inserted text is a constant
_CONSTRAINTS = text("""
    SELECT wanted.name, 'not there' FROM unnest(CAST(:names AS text[])) AS wanted(name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = wanted.name AND c.convalidated)
      AND NOT EXISTS (SELECT 1 FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid
                      WHERE i.relname = wanted.name AND x.indisunique AND x.indisvalid)
""")
CONSTRAINTS = (
    "a_stream_has_one_event_per_version",
    "a_campaign_has_each_recipient_once",
    "a_recipient_is_queued_once",
    "one_attempt_in_flight_per_session_and_recipient",
    "message_ids_pkey",
    "no_status_counts_fewer_than_none",
    "the_statuses_count_no_more_than_the_campaign_has",
    "a_finished_campaign_has_no_open_recipient",
)
"""The constraints that the promises rest on."""


async def check(connection: AsyncConnection, campaigns: Collection[UUID] | None = None) -> list[Violation]:
    """Return what breaks a rule, of these campaigns or of all; for all also gaps in streams."""
    broken = await _find(
        connection, "the constraints stand", _CONSTRAINTS.bindparams(names=list(CONSTRAINTS))
    )
    scope = None if campaigns is None else list(campaigns)
    for rule, statement in RULES.items():
        broken += await _find(connection, rule, text(statement).bindparams(campaigns=scope))
    if campaigns is None:
        broken += await _find(connection, "the versions of a stream have no gap", _STREAMS)
    return broken


async def _find(connection: AsyncConnection, rule: str, statement: Executable) -> list[Violation]:
    return [Violation(rule, key, found) for key, found in await connection.execute(statement)]
