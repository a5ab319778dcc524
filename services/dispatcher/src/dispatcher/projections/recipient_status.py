"""`recipient_status`: one line per recipient of a campaign; the state of the recipient's stream."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.recipient import Recipient
from dispatcher.projections.rows import RecipientRow
from dispatcher.store.postgres import as_rows
from dispatcher.store.stream_names import Key
from dispatcher.store.writes import Writes

COLUMNS = "r.campaign_id, r.recipient, r.position, r.kind, r.lead_id, r.version, r.state::text"

_LOAD = text(f"""
    SELECT {COLUMNS} FROM json_array_elements(CAST(:rows AS json)) AS k(key)
    JOIN recipient_status r ON r.campaign_id = CAST(k.key->>0 AS uuid) AND r.recipient = k.key->>1
""")
_INSERT = text("""
    INSERT INTO recipient_status (campaign_id, recipient, position, kind, lead_id, version, status, state)
    SELECT campaign_id, recipient, position, kind, lead_id, version, state->>'status', state
    FROM json_to_recordset(CAST(:rows AS json))
         AS n(campaign_id uuid, recipient text, position integer, kind text, lead_id text, version integer, state jsonb)
""")
_UPDATE = text("""
    UPDATE recipient_status r SET version = n.version, status = n.state->>'status', state = n.state
    FROM json_to_recordset(CAST(:rows AS json))
         AS n(campaign_id uuid, recipient text, version integer, state jsonb)
    WHERE r.campaign_id = n.campaign_id AND r.recipient = n.recipient
""")
_KNOWN = text(
    "SELECT recipient FROM recipient_status"
    " WHERE campaign_id = :id AND recipient = ANY(CAST(:recipients AS text[]))"
)

_decode = msgspec.json.Decoder(Recipient).decode


def read(row: Sequence[Any]) -> RecipientRow:
    """Turn a line, selected as `COLUMNS`, into a row."""
    campaign_id, recipient, position, kind, lead_id, version, state = row
    return RecipientRow(campaign_id, recipient, position, kind, lead_id, version, _decode(state))


async def load(connection: AsyncConnection, keys: Collection[Key]) -> list[RecipientRow]:
    """Return the lines of those keys that exist."""
    if not keys:
        return []
    return [read(row) for row in await connection.execute(_LOAD, as_rows(list(keys)))]


def write(writes: Writes, changed: Sequence[tuple[RecipientRow | None, RecipientRow]]) -> None:
    """Write lines, each given as it was, if it was, and as it is."""
    writes.add(_INSERT, [row for before, row in changed if before is None])
    writes.add(_UPDATE, [row for before, row in changed if before is not None])


async def known(connection: AsyncConnection, campaign_id: UUID, recipients: Collection[str]) -> set[str]:
    """Return which of these recipients a campaign has already."""
    parameters = {"id": campaign_id, "recipients": list(recipients)}
    return {recipient for (recipient,) in await connection.execute(_KNOWN, parameters)}
