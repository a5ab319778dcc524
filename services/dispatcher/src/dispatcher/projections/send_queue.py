"""`send_queue`: what is waiting to be sent, and from when on. A line stands exactly while its recipient is queued."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from dispatcher.domain.status import Status
from dispatcher.projections.rows import CampaignRow, RecipientRow
from dispatcher.store.postgres import WORK
from dispatcher.store.writes import Writes

_PUT = text("""
    INSERT INTO send_queue (campaign_id, recipient, position, due_at_ms)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
                  AS n(campaign_id uuid, recipient text, position integer, due_at_ms bigint)
    ON CONFLICT ON CONSTRAINT a_recipient_is_queued_once DO UPDATE SET due_at_ms = excluded.due_at_ms
""")
_TAKE = text("""
    DELETE FROM send_queue q USING json_to_recordset(CAST(:rows AS json)) AS n(campaign_id uuid, recipient text)
    WHERE q.campaign_id = n.campaign_id AND q.recipient = n.recipient
""")


class QueueRow(msgspec.Struct, frozen=True):
    """A line of the queue."""

    campaign_id: UUID
    recipient: str
    position: int
    due_at_ms: int | None


def write(
    writes: Writes,
    changed: Sequence[tuple[RecipientRow | None, RecipientRow]],
    campaigns: Mapping[UUID, CampaignRow],
) -> None:
    """Bring the queue in line with changed recipients of these campaigns, each given as it was and as it is."""
    queued = [_line(row) for _, row in changed if _queued(row)]
    writes.add(_PUT, queued)
    writes.add(_TAKE, [_line(row) for before, row in changed if _queued(before) and not _queued(row)])
    for campaign_id in {line.campaign_id for line in queued}:
        writes.tell(WORK, campaigns[campaign_id].campaign.session_id)


def _queued(row: RecipientRow | None) -> bool:
    return row is not None and row.state.status is Status.QUEUED


def _line(row: RecipientRow) -> QueueRow:
    return QueueRow(row.campaign_id, row.recipient, row.position, row.state.due_at_ms)
