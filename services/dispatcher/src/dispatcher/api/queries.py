"""The reads of the API. Every one is bound to a tenant."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.outcome import Outcome
from dispatcher.projections import campaign_status, recipient_status
from dispatcher.projections.rows import CampaignRow, RecipientRow

_CAMPAIGN = text(
    f"SELECT {campaign_status.COLUMNS} FROM campaign_status WHERE campaign_id = :id AND tenant = :tenant"
)
_CAMPAIGNS = text(f"""
    SELECT {campaign_status.COLUMNS} FROM campaign_status
    WHERE tenant = :tenant
      AND (CAST(:at_ms AS bigint) IS NULL OR (created_at_ms, campaign_id) < (:at_ms, CAST(:id AS uuid)))
    ORDER BY created_at_ms DESC, campaign_id DESC LIMIT :limit
""")
_RECIPIENTS = text(f"""
    SELECT {recipient_status.COLUMNS} FROM recipient_status r
    WHERE campaign_id = :id AND position > :after AND (CAST(:status AS text) IS NULL OR status = :status)
    ORDER BY position LIMIT :limit
""")
_RECIPIENT = text(f"""
    SELECT {recipient_status.COLUMNS} FROM recipient_status r WHERE campaign_id = :id AND recipient = :recipient
""")
_METRICS = text("""
    SELECT (SELECT coalesce(sum(queued + processing + unconfirmed), 0) FROM campaign_status
            WHERE tenant = :tenant AND status IN ('accepted', 'queued', 'running', 'paused', 'scheduled')),
           coalesce(sum(sent), 0), coalesce(sum(failed), 0),
           (SELECT count(*) FROM campaign_status
            WHERE tenant = :tenant AND status IN ('accepted', 'queued', 'running', 'paused', 'scheduled'))
    FROM outcomes WHERE tenant = :tenant AND bucket_ms > :since_ms
""")
_HISTORY = text("""
    SELECT bucket_ms - bucket_ms % :span_ms, sum(sent), sum(failed), sum(retried),
           sum(responses), CAST(sum(response_ms) AS bigint), max(slowest_ms)
    FROM outcomes WHERE tenant = :tenant AND bucket_ms >= :since_ms GROUP BY 1 ORDER BY 1 DESC
""")


async def campaign(connection: AsyncConnection, tenant: str, campaign_id: UUID) -> CampaignRow | None:
    """Return one campaign."""
    row = (await connection.execute(_CAMPAIGN, {"id": campaign_id, "tenant": tenant})).first()
    return campaign_status.read(row) if row else None


async def campaigns(
    connection: AsyncConnection, tenant: str, after: tuple[int, UUID] | None, limit: int
) -> list[CampaignRow]:
    """Return campaigns, newest first; `after` is the creation time (epoch ms) and id of the last one seen."""
    at_ms, campaign_id = after or (None, None)
    parameters = {"tenant": tenant, "at_ms": at_ms, "id": campaign_id, "limit": limit}
    return [campaign_status.read(row) for row in await connection.execute(_CAMPAIGNS, parameters)]


async def recipients(
    connection: AsyncConnection, campaign_id: UUID, status: str | None, after: int, limit: int
) -> list[RecipientRow]:
    """Return a campaign's recipients in the order of the request; `after` is the position of the last one seen."""
    parameters = {"id": campaign_id, "status": status, "after": after, "limit": limit}
    return [recipient_status.read(row) for row in await connection.execute(_RECIPIENTS, parameters)]


async def recipient(connection: AsyncConnection, campaign_id: UUID, jid: str) -> RecipientRow | None:
    """Return one recipient."""
    row = (await connection.execute(_RECIPIENT, {"id": campaign_id, "recipient": jid})).first()
    return recipient_status.read(row) if row else None


async def metrics(connection: AsyncConnection, tenant: str, since_ms: int) -> tuple[int, int, int, int]:
    """Return pending, sent and failed since a time (epoch ms), and active campaigns; cheap at any size."""
    pending, sent, failed, active = (
        await connection.execute(_METRICS, {"tenant": tenant, "since_ms": since_ms})
    ).one()
    return pending, sent, failed, active


async def history(
    connection: AsyncConnection, tenant: str, since_ms: int, span_ms: int
) -> list[tuple[int, Outcome]]:
    """Return what came of messages since a time, per span (epoch ms, ms), the newest first; cheap at any size."""
    parameters = {"tenant": tenant, "since_ms": since_ms, "span_ms": span_ms}
    return [(row[0], Outcome(*row[1:])) for row in await connection.execute(_HISTORY, parameters)]
