"""How many messages left through sessions today, whatever they were called then."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import as_rows

_SENT = text("""
    WITH RECURSIVE account(session_id, part, start_ms) AS (
        SELECT n.session_id, n.session_id, n.start_ms
        FROM json_to_recordset(CAST(:rows AS json)) AS n(session_id text, start_ms bigint)
        UNION
        SELECT account.session_id, s.session_id, account.start_ms
        FROM account JOIN session_status s ON s.state->>'moved_to' = account.part
    )
    SELECT n.session_id, count(DISTINCT (a.campaign_id, a.recipient, a.number))
    FROM account n JOIN attempts a ON a.session_id = n.part AND a.started_at_ms >= n.start_ms
    GROUP BY n.session_id
""")
"""An attempt that was not taken is made again under its number: it counts once. What left under the ids that an account
had before counts too: the cap is the account's.
"""


async def sent_since(connection: AsyncConnection, starts_ms: Mapping[str, int]) -> dict[str, int]:
    """Return how many messages left through each of these sessions since its time (epoch ms), if any did."""
    rows = [{"session_id": session_id, "start_ms": start_ms} for session_id, start_ms in starts_ms.items()]
    return {row[0]: row[1] for row in await connection.execute(_SENT, as_rows(rows))}
