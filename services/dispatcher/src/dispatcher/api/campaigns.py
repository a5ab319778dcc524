"""`/api/campaigns`: create, list, and look into campaigns."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import Parameter

from dispatcher.api import creation, cursor, queries
from dispatcher.api.creation_docs import CreateOperation
from dispatcher.api.desk import After, Desk, Limit, TenantRequest
from dispatcher.api.problems import not_found
from dispatcher.api.proof import Proof
from dispatcher.api.query_names import READS_QUERY
from dispatcher.api.views import (
    CampaignView,
    Items,
    RecipientView,
    campaign_view,
    history_item,
    recipient_view,
)
from dispatcher.domain.status import Status
from dispatcher.projections.rows import CampaignRow
from dispatcher.store import stream_names
from dispatcher.store.postgres import read_stream


class Campaigns(Controller):
    """Campaigns of the caller's tenant."""

    path = "/api/campaigns"
    tags = ("campaigns",)

    @post(
        status_code=202, summary="Create a campaign", operation_class=CreateOperation, opt={READS_QUERY: True}
    )
    async def create(self, request: TenantRequest, desk: Desk) -> Proof:
        """Record the campaign durably, once however often it is asked for, and let it be sent. Answers with proof."""
        return await creation.create(request, desk)

    @get(summary="List campaigns, newest first")
    async def index(
        self, request: TenantRequest, desk: Desk, limit: Limit = 50, after: After = None
    ) -> Items:
        """Return a page of campaigns."""
        place = cursor.read(after, tuple[int, UUID]) if after else None
        async with desk.engine.connect() as connection:
            rows = await queries.campaigns(connection, request.user, place, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        following = cursor.write((last.campaign.created_at_ms, last.campaign_id)) if last else None
        return Items([campaign_view(row) for row in rows[:limit]], following)

    @get("/{campaign_id:uuid}", summary="Show a campaign")
    async def show(self, campaign_id: UUID, request: TenantRequest, desk: Desk) -> CampaignView:
        """Return one campaign with its totals."""
        return campaign_view(await _campaign(desk, request.user, campaign_id))

    @get("/{campaign_id:uuid}/recipients", summary="List a campaign's recipients")
    async def recipients(
        self,
        campaign_id: UUID,
        request: TenantRequest,
        desk: Desk,
        status: Annotated[Status | None, Parameter(description="only those that stand here")] = None,
        limit: Limit = 100,
        after: After = None,
    ) -> Items:
        """Return a page of recipients, in the order of the request."""
        await _campaign(desk, request.user, campaign_id)
        position = cursor.read(after, int, bits=32) if after else -1
        async with desk.engine.connect() as connection:
            rows = await queries.recipients(
                connection, campaign_id, status.value if status else None, position, limit + 1
            )
        following = cursor.write(rows[limit - 1].position) if len(rows) > limit else None
        return Items([recipient_view(row) for row in rows[:limit]], following)

    @get("/{campaign_id:uuid}/recipients/{recipient:str}", summary="Show one recipient")
    async def recipient(
        self, campaign_id: UUID, recipient: str, request: TenantRequest, desk: Desk
    ) -> RecipientView:
        """Return one recipient; `recipient` is a JID, or a phone number in any form that a creation takes."""
        await _campaign(desk, request.user, campaign_id)
        async with desk.engine.connect() as connection:
            row = await queries.recipient(connection, campaign_id, desk.jid_of(request.user, recipient))
        if row is None:
            raise not_found("recipient")
        return recipient_view(row)

    @get(
        "/{campaign_id:uuid}/recipients/{recipient:str}/history", summary="Show what happened to a recipient"
    )
    async def history(self, campaign_id: UUID, recipient: str, request: TenantRequest, desk: Desk) -> Items:
        """Return every state that the message was in, when and why, oldest first."""
        await _campaign(desk, request.user, campaign_id)
        stream = stream_names.of_recipient((campaign_id, desk.jid_of(request.user, recipient)))
        async with desk.engine.connect() as connection:
            stored = await read_stream(connection, stream)
        if not stored:
            raise not_found("recipient")
        return Items([history_item(event) for event in stored])


async def _campaign(desk: Desk, tenant: str, campaign_id: UUID) -> CampaignRow:
    async with desk.engine.connect() as connection:
        row = await queries.campaign(connection, tenant, campaign_id)
    if row is None:
        raise not_found("campaign")
    return row
