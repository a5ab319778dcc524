"""Where delivery reports wait, durably, that nobody can place yet."""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.delivery import MemberJoined, MemberLeft, Report
from dispatcher.quarantine import contradictions
from dispatcher.quarantine.kept import keep
from dispatcher.routing import MessageReport, jid_of
from dispatcher.store.postgres import as_rows

NOT_YET_KNOWN = "not_yet_known"
"""No message fits yet; applied in the transaction that makes its id known."""
AMBIGUOUS = "ambiguous"
"""More than one open attempt fits; an operator decides."""
NO_PLACE_YET = "no_place_yet"
"""Not about a message: an unknown event word, or a membership event for a group that is not kept."""

Parked = tuple[Report, str]
"""A report, and the reason why it waits."""

_PARK = text("""
    WITH n AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json))
                      AS n(id text, reason text, message_id text, client_ref text, session_id text, recipient text,
                           body jsonb, parked_at_ms bigint)
    ), parked AS (
        INSERT INTO parked_reports (id, reason, message_id, client_ref, session_id, recipient, body, parked_at_ms)
        SELECT * FROM n ON CONFLICT (id) DO NOTHING
    )
    SELECT p.body::text FROM n JOIN parked_reports p USING (id)
""")
"""Returns the bodies of those that were parked before."""
_RELEASE = text("""
    DELETE FROM parked_reports
    WHERE message_id = ANY(CAST(:known AS text[])) OR client_ref = ANY(CAST(:known AS text[]))
    RETURNING parked_at_ms, body::text
""")

_RELEASE_MEMBERS = text("""
    DELETE FROM parked_reports WHERE reason = :reason AND recipient = ANY(CAST(:jids AS text[]))
    RETURNING parked_at_ms, body::text
""")

_decode_member = msgspec.json.Decoder(MemberJoined | MemberLeft).decode
_decode = msgspec.json.Decoder(MessageReport).decode
_decode_any = msgspec.json.Decoder(Report).decode


async def park(connection: AsyncConnection, parked: Collection[Parked], now_ms: int) -> None:
    """Keep reports; the same report is kept once, and one that says otherwise under its identity in quarantine."""
    if not parked:
        return
    rows = await connection.execute(
        _PARK, as_rows([_line(report, reason, now_ms) for report, reason in parked])
    )
    before = {known.id: known for (body,) in rows if (known := _decode_any(body))}
    denied = [
        report
        for report, _ in parked
        if report.id in before and contradictions.differ(report, before[report.id])
    ]
    await keep(connection, contradictions.kept_of(denied, now_ms))


async def release(connection: AsyncConnection, known: Iterable[str]) -> list[MessageReport]:
    """Take out the reports that waited for these message ids or client references, oldest first."""
    rows = await connection.execute(_RELEASE, {"known": list(known)})
    return [_decode(body) for _, body in sorted(rows, key=lambda row: row[0])]


async def release_members(
    connection: AsyncConnection, jids: Iterable[str]
) -> list[MemberJoined | MemberLeft]:
    """Take out the membership reports that waited for these groups, oldest first."""
    rows = await connection.execute(_RELEASE_MEMBERS, {"reason": NO_PLACE_YET, "jids": list(jids)})
    return [_decode_member(body) for _, body in sorted(rows, key=lambda row: row[0])]


def _line(report: Report, reason: str, now_ms: int) -> dict[str, object]:
    recipient = getattr(report, "recipient", None)
    return {
        "id": report.id,
        "reason": reason,
        "message_id": getattr(report, "message_id", None),
        "client_ref": report.client_ref,
        "session_id": report.session_id,
        "recipient": jid_of(recipient) if recipient else None,
        "body": report,
        "parked_at_ms": now_ms,
    }
