"""`/api/campaigns/{id}/recipients/{recipient}/why`: why a message is where it is, in plain words."""

from uuid import UUID

import msgspec
from litestar import get
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.api import queries
from dispatcher.api.desk import Desk, TenantRequest
from dispatcher.api.problems import not_found
from dispatcher.domain import campaign as campaigns
from dispatcher.domain import recipient_events
from dispatcher.domain.session import Session
from dispatcher.explanation.story import Happened, Unplaced, Why, explain
from dispatcher.explanation.waiting import Place
from dispatcher.limits import day_of
from dispatcher.projections import days, session_status
from dispatcher.projections.rows import CampaignRow, RecipientRow
from dispatcher.store import stream_names
from dispatcher.store.postgres import read_stream

_DECISIONS = text("""
    SELECT data::text, causation FROM events
    WHERE stream = :stream AND type IN ('campaign.paused', 'campaign.resumed', 'campaign.cancelled',
        'campaign.retry_ordered', 'campaign.verify_ordered', 'campaign.confirm_ordered')
    ORDER BY version LIMIT 200
""")
_AHEAD = text("""
    SELECT campaign_id::text FROM open_attempts
    WHERE in_flight AND session_id = :session_id AND recipient = :recipient AND campaign_id <> :campaign_id LIMIT 1
""")
_UNPLACED = text("""
    SELECT id, body->>'type', reason, parked_at_ms FROM parked_reports
    WHERE message_id = ANY(CAST(:message_ids AS text[])) OR client_ref = ANY(CAST(:attempt_ids AS text[]))
       OR reason <> 'no_place_yet' AND session_id = :session_id AND recipient = :recipient
    ORDER BY parked_at_ms LIMIT 50
""")

_decode_recipient = msgspec.json.Decoder(recipient_events.Event).decode
_decode_campaign = msgspec.json.Decoder(campaigns.Event).decode


@get(
    "/api/campaigns/{campaign_id:uuid}/recipients/{recipient:str}/why",
    summary="Say in plain words why a message is where it is",
    tags=["campaigns"],
)
async def tell_why(campaign_id: UUID, recipient: str, request: TenantRequest, desk: Desk) -> Why:
    """Return what led there, step by step, what it waits for, and what holds it up; `recipient` is a JID or a phone."""
    async with desk.engine.connect() as connection:
        campaign = await queries.campaign(connection, request.user, campaign_id)
        if campaign is None:
            raise not_found("campaign")
        row = await queries.recipient(connection, campaign_id, desk.jid_of(request.user, recipient))
        if row is None:
            raise not_found("recipient")
        history = [*await _recipient_facts(connection, row), *await _decisions(connection, campaign_id)]
        place = await _place(connection, row, campaign, desk.now_ms())
        unplaced = await _unplaced(connection, row, campaign)
    return explain(row, history, place, unplaced)


async def _recipient_facts(connection: AsyncConnection, row: RecipientRow) -> list[Happened]:
    stored = await read_stream(connection, stream_names.of_recipient(row.key))
    return [Happened(_decode_recipient(event.data), event.causation) for event in stored]


async def _decisions(connection: AsyncConnection, campaign_id: UUID) -> list[Happened]:
    rows = await connection.execute(_DECISIONS, {"stream": stream_names.of_campaign(campaign_id)})
    facts = [(_decode_campaign(data), causation) for data, causation in rows]
    return [Happened(fact, causation) for fact, causation in facts if isinstance(fact, campaigns.Decided)]


async def _place(connection: AsyncConnection, row: RecipientRow, campaign: CampaignRow, now_ms: int) -> Place:
    session_id = campaign.campaign.session_id
    sessions = await session_status.load(connection, [session_id])
    parameters = {"session_id": session_id, "recipient": row.recipient, "campaign_id": row.campaign_id}
    ahead = (await connection.execute(_AHEAD, parameters)).scalar()
    session = sessions[0].state if sessions else None
    sent_today = await _sent_today(connection, session_id, session, now_ms)
    return Place(campaign.campaign, session_id, session, ahead, now_ms, sent_today)


async def _sent_today(
    connection: AsyncConnection, session_id: str, session: Session | None, now_ms: int
) -> int:
    if session is None or session.limits.daily_cap is None:
        return 0
    start_ms = day_of(session.limits, now_ms).start_ms
    return (await days.sent_since(connection, {session_id: start_ms})).get(session_id, 0)


async def _unplaced(connection: AsyncConnection, row: RecipientRow, campaign: CampaignRow) -> list[Unplaced]:
    attempts = row.state.attempts
    parameters = {
        "message_ids": [attempt.message_id for attempt in attempts],
        "attempt_ids": [attempt.id for attempt in attempts],
        "session_id": campaign.campaign.session_id,
        "recipient": row.recipient,
    }
    return [Unplaced(*found) for found in await connection.execute(_UNPLACED, parameters)]
