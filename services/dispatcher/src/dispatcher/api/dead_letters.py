"""`/api/dead`: messages that failed for good, to list, to look into and to send again."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, Parameter

from contracts.commands import Reason, Who
from contracts.envelope import Instant
from dispatcher import redrive
from dispatcher.api import cursor, queries
from dispatcher.api.dead_letter_views import DeadLetterDetails, RedriveView, details_of, letter_view
from dispatcher.api.desk import After, Desk, Limit, TenantRequest
from dispatcher.api.problems import Refusal, not_found
from dispatcher.api.views import Items
from dispatcher.projections import campaign_status, dead_letters, recipient_status
from dispatcher.projections.dead_letters import HIGHEST, LATEST_MS, Selection
from dispatcher.projections.lookups import find_attempts
from dispatcher.store import redrive_orders
from dispatcher.translate import to_ms

Ids = Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1000)]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the messages have in common; an empty one means all. `since`: those that failed then or later."""

    campaign: UUID | None = None
    session_id: str | None = None
    error_code: int | None = None
    since: Instant | None = None


class RedriveWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages are sent again: `ids` or `filter`. With `dry_run` it is only told what would come of it."""

    ids: Ids | None = None
    filter: Filter | None = None
    dry_run: bool = False
    by: Who | None = None
    why: Reason | None = None


class DeadLetters(Controller):
    """Messages of the caller's tenant that failed for good, and that nobody has given up."""

    path = "/api/dead"
    tags = ("dead letters",)

    @get(summary="List messages that failed for good, newest first")
    async def index(
        self,
        request: TenantRequest,
        desk: Desk,
        campaign: Annotated[UUID | None, Parameter(description="only those of this one")] = None,
        session_id: Annotated[str | None, Parameter(description="only those sent through it")] = None,
        error_code: Annotated[int | None, Parameter(description="only those refused by it, as 420")] = None,
        since: Annotated[
            datetime | None, Parameter(description="only those that failed then or later")
        ] = None,
        limit: Limit = 50,
        after: After = None,
    ) -> Items:
        """Return a page of dead letters; an id is that of the last attempt."""
        place = cursor.read(after, tuple[int, UUID]) if after else (LATEST_MS, HIGHEST)
        selection = _selection(campaign, session_id, error_code, since)
        async with desk.engine.connect() as connection:
            found = await dead_letters.newest(connection, request.user, selection, place, limit + 1)
        last = found[limit - 1].concern if len(found) > limit else None
        following = cursor.write((last.since_ms, last.attempt_id)) if last else None
        return Items([letter_view(letter) for letter in found[:limit]], following)

    @get("/{letter_id:uuid}", summary="Show a message that failed for good")
    async def show(self, letter_id: UUID, request: TenantRequest, desk: Desk) -> DeadLetterDetails:
        """Return the message, its attempts, and the VPS's words."""
        async with desk.engine.connect() as connection:
            found = (await find_attempts(connection, request.user, [letter_id])).get(str(letter_id))
            if found is None:
                raise not_found("message")
            key, _ = found
            [row] = await recipient_status.load(connection, [key])
            [campaign] = await campaign_status.load(connection, [key[0]])
        return details_of(str(letter_id), row, campaign)

    @post("/redrive", status_code=202, summary="Send messages again that failed for good")
    async def redrive(self, request: TenantRequest, desk: Desk, data: JSONBody[RedriveWords]) -> RedriveView:
        """Named ones at once, selected ones part by part. Each gets its attempts anew; a retry that was still to come
        is cancelled by it. A repeat sends nothing twice.
        """
        who = redrive.Who(request.user, data.by or request.user, data.why)
        if (data.ids is None) == (data.filter is None):
            raise Refusal(400, "say which: either ids or a filter", code="INVALID_REQUEST", field="ids")
        if data.ids is not None:
            return await _named(desk, who, data.ids, dry_run=data.dry_run)
        return await _selected(desk, who, data.filter or Filter(), dry_run=data.dry_run)


async def _named(desk: Desk, who: redrive.Who, ids: list[UUID], *, dry_run: bool) -> RedriveView:
    done = await redrive.redrive_named(
        desk.engine, desk.clerk.rules, who, ids, desk.now_ms(), dry_run=dry_run
    )
    return RedriveView(dry_run, done.redriven, done.already, done.refused)


async def _selected(desk: Desk, who: redrive.Who, wanted: Filter, *, dry_run: bool) -> RedriveView:
    """Count, and order it for what has failed by now: what fails again meanwhile is not sent again by it."""
    chosen = _selection(wanted.campaign, wanted.session_id, wanted.error_code, wanted.since)
    selection = msgspec.structs.replace(chosen, until_ms=desk.now_ms())
    if wanted.campaign is not None:
        await _require_campaign(desk, who.tenant, wanted.campaign)
    async with desk.engine.begin() as connection:
        matched = await dead_letters.count(connection, who.tenant, selection)
        if matched and not dry_run:
            await redrive_orders.give(connection, who.tenant, selection, who.by, who.why)
    return RedriveView(dry_run, matched, 0, [])


async def _require_campaign(desk: Desk, tenant: str, campaign_id: UUID) -> None:
    async with desk.engine.connect() as connection:
        if await queries.campaign(connection, tenant, campaign_id) is None:
            raise not_found("campaign")


def _selection(
    campaign: UUID | None, session_id: str | None, error_code: int | None, since: datetime | None
) -> Selection:
    if since is not None and since.tzinfo is None:
        raise Refusal(
            400, "a time needs its zone, as 2026-03-01T09:00:00Z", code="INVALID_REQUEST", field="since"
        )
    if error_code is not None and abs(error_code) >= 1 << 31:
        raise Refusal(400, "not an error code", code="INVALID_REQUEST", field="error_code")
    return Selection(campaign, session_id, error_code, to_ms(since) if since else 0)
