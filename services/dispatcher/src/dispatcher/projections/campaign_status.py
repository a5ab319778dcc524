"""`campaign_status`: one line per campaign, with its totals; the state of the campaign's stream."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.campaign import Campaign, Content
from dispatcher.domain.status import SENDABLE, CampaignStatus, Status
from dispatcher.domain.tally import Tally
from dispatcher.projections.rows import CampaignRow
from dispatcher.store.postgres import WORK
from dispatcher.store.writes import Writes

_COUNTS = [status.value for status in Status]
COLUMNS = (
    "campaign_id, version, tenant, session_id, stage, priority, delay_ms, recipients, message, media_url,"
    f" media_type, created_at_ms, started_at_ms, finished_at_ms, fingerprint, scheduled_at_ms,"
    " paused, cancelled_at_ms, first_session_id, concluded::text,"
    f" {', '.join(_COUNTS)}"
)
_LOAD = text(f"SELECT {COLUMNS} FROM campaign_status WHERE campaign_id = ANY(CAST(:ids AS uuid[]))")

_FIXED = {
    "tenant": "text",
    "priority": "text",
    "delay_ms": "integer",
    "recipients": "integer",
    "message": "text",
    "media_url": "text",
    "media_type": "text",
    "created_at_ms": "bigint",
    "fingerprint": "text",
    "scheduled_at_ms": "bigint",
}
_CHANGING = {
    "version": "integer",
    "session_id": "text",
    "first_session_id": "text",
    "status": "text",
    "stage": "text",
    "paused": "boolean",
    "cancelled_at_ms": "bigint",
    "started_at_ms": "bigint",
    "finished_at_ms": "bigint",
    "concluded": "jsonb",
    **dict.fromkeys(_COUNTS, "integer"),
}


def _recordset(columns: dict[str, str]) -> str:
    types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"json_to_recordset(CAST(:rows AS json)) AS n({types})"


_ALL = {"campaign_id": "uuid", **_FIXED, **_CHANGING}
_INSERT = text(
    f"INSERT INTO campaign_status ({', '.join(_ALL)}) SELECT {', '.join(_ALL)} FROM {_recordset(_ALL)}"
)
_UPDATE = text(
    f"UPDATE campaign_status c SET {', '.join(f'{name} = n.{name}' for name in _CHANGING)}"
    f" FROM {_recordset({'campaign_id': 'uuid', **_CHANGING})} WHERE c.campaign_id = n.campaign_id"
)

_decode = msgspec.json.Decoder(Tally).decode


def read(row: Sequence[Any]) -> CampaignRow:
    """Turn a line, selected as `COLUMNS`, into a row."""
    campaign_id, version, tenant, session_id, stage, priority, delay_ms, recipients = row[:8]
    message, media_url, media_type, created_at_ms, started_at_ms, finished_at_ms, *rest = row[8:]
    fingerprint, scheduled_at_ms, paused, cancelled_at_ms, first_session_id, concluded, *counts = rest
    campaign = Campaign(
        tenant,
        session_id,
        Content(message, media_url, media_type),
        recipients,
        priority,
        delay_ms,
        CampaignStatus(stage),
        created_at_ms,
        started_at_ms,
        finished_at_ms,
        _decode(concluded) if concluded else None,
        scheduled_at_ms,
        paused,
        cancelled_at_ms,
        fingerprint=fingerprint,
        first_session_id=first_session_id,
    )
    return CampaignRow(campaign_id, version, campaign, Tally(*counts))


async def load(connection: AsyncConnection, ids: Collection[UUID]) -> list[CampaignRow]:
    """Return the lines of those campaigns that exist."""
    if not ids:
        return []
    return [read(row) for row in await connection.execute(_LOAD, {"ids": list(ids)})]


def write(writes: Writes, changed: Sequence[tuple[CampaignRow | None, CampaignRow]]) -> None:
    """Write lines, each given as it was, if it was, and as it is; what may leave from now on is told to the sender."""
    writes.add(_INSERT, [_line(row) for before, row in changed if before is None])
    writes.add(_UPDATE, [_line(row) for before, row in changed if before is not None])
    for before, row in changed:
        place = _place(row)
        if before is not None and place is not None and place != _place(before):
            writes.tell(WORK, place)


def _sendable(row: CampaignRow) -> bool:
    return row.campaign.status in SENDABLE


def _place(row: CampaignRow) -> str | None:
    """Return the session that messages may leave through."""
    return row.campaign.session_id if _sendable(row) else None


def _line(row: CampaignRow) -> dict[str, Any]:
    state = row.campaign
    return {
        "campaign_id": row.campaign_id,
        "version": row.version,
        "tenant": state.tenant,
        "session_id": state.session_id,
        "first_session_id": state.first_session_id,
        "status": state.status.value,
        "stage": state.stage.value,
        "scheduled_at_ms": state.scheduled_at_ms,
        "paused": state.paused,
        "cancelled_at_ms": state.cancelled_at_ms,
        "priority": state.priority,
        "delay_ms": state.delay_ms,
        "recipients": state.recipients,
        "message": state.content.message,
        "media_url": state.content.media_url,
        "media_type": state.content.media_type,
        "created_at_ms": state.created_at_ms,
        "fingerprint": state.fingerprint,
        "started_at_ms": state.started_at_ms,
        "finished_at_ms": state.finished_at_ms,
        "concluded": state.concluded,
        **msgspec.structs.asdict(row.tally),
    }
