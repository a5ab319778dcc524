"""`/api/attention`: what somebody should look at, and what somebody decides about it."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, Parameter

from contracts.commands import Reason, Who
from dispatcher.api import cursor
from dispatcher.api.attention_queries import NEWEST, Wanted, items, kinds_of, place_of
from dispatcher.api.desk import After, Desk, Limit, TenantRequest
from dispatcher.api.problems import Refusal
from dispatcher.api.views import Items
from dispatcher.attention.decisions import Decision, decide
from dispatcher.attention.items import Action, Kind
from dispatcher.domain.recipient_decisions import Refused


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who decides (else the key's tenant does), and why."""

    by: Who | None = None
    why: Reason | None = None


class Resolution(msgspec.Struct, frozen=True):
    """What came of a decision; not `changed` where it was so already. `status` is where a message stands then."""

    id: str
    action: Action
    changed: bool
    status: str | None


class Attention(Controller):
    """Unconfirmed messages, dead letters, callbacks that nobody could place or read, and sessions in trouble."""

    path = "/api/attention"
    tags = ("attention",)

    @get(summary="List what somebody should look at, newest first")
    async def index(
        self,
        request: TenantRequest,
        desk: Desk,
        kind: Annotated[Kind | None, Parameter(description="only these")] = None,
        campaign: Annotated[UUID | None, Parameter(description="only messages of this one")] = None,
        session_id: Annotated[str | None, Parameter(description="only what goes through it")] = None,
        limit: Limit = 50,
        after: After = None,
    ) -> Items:
        """Return a page of items: each says what happened, the risk, since when, and which actions are possible."""
        place = cursor.read(after, tuple[int, str]) if after else NEWEST
        ages, now_ms = desk.ages, desk.now_ms()
        cuts = (now_ms - age for age in (ages.unmatched_ms, ages.unfinished_ms, ages.paused_ms))
        wanted = Wanted(request.user, campaign, session_id, *place, *cuts)
        kinds = kinds_of(kind, campaign, session_id)
        async with desk.engine.connect() as connection:
            found = await items(connection, kinds, wanted, limit + 1)
        following = cursor.write(place_of(found[limit - 1])) if len(found) > limit else None
        return Items(found[:limit], following)

    @post("/{item_id:str}/{action:str}", status_code=200, summary="Decide about an item")
    async def resolve(
        self,
        item_id: str,
        action: Action,
        request: TenantRequest,
        desk: Desk,
        data: JSONBody[Words | None] = None,
    ) -> Resolution:
        """Carry it out and record who, when and why. A repeat changes nothing; what makes no sense is a 409."""
        words = data or Words()
        decision = Decision(request.user, item_id, action, words.by or request.user, words.why)
        outcome = await decide(desk.engine, desk.clerk.rules, decision, desk.now_ms())
        if isinstance(outcome, Refused):
            raise Refusal(404 if outcome.code == "NOT_FOUND" else 409, outcome.detail, code=outcome.code)
        return Resolution(item_id, action, outcome.changed, outcome.status)
