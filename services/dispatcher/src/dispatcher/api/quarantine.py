"""`/api/quarantine`: what was not applied, to list, to look into and, where that can help, to send again."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, Parameter

from contracts.commands import Reason, Who
from contracts.envelope import Instant
from dispatcher.api import cursor
from dispatcher.api.desk import After, Desk, Limit, TenantRequest
from dispatcher.api.problems import Refusal, not_found
from dispatcher.api.quarantine_views import QuarantineDetails, details_of, view_of
from dispatcher.api.views import Items
from dispatcher.quarantine import lines
from dispatcher.quarantine.kept import Kind
from dispatcher.quarantine.lines import NEWEST, Selection
from dispatcher.quarantine.redriving import NotRedriven, Wish, redrive_named, redrive_selected
from dispatcher.translate import to_ms

Identity = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Ids = Annotated[list[Identity], msgspec.Meta(min_length=1, max_length=1000)]


class QuarantineFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What they have in common; an empty one means all. `since`: those that came in then or later."""

    kind: Kind | None = None
    source: str | None = None
    since: Instant | None = None


class QuarantineWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent again: `ids` or `filter`. With `dry_run` it is only told what would come of it."""

    ids: Ids | None = None
    filter: QuarantineFilter | None = None
    dry_run: bool = False
    by: Who | None = None
    why: Reason | None = None


class QuarantineRedrive(msgspec.Struct, frozen=True):
    """What came of it: so many are sent again (or would be), so many were already, and which are not, and why. `more`:
    there are more than one call sends; repeat it.
    """

    dry_run: bool
    redriven: int
    already: int
    refused: list[NotRedriven]
    more: bool


class Quarantined(Controller):
    """Callbacks and NATS messages that could not be applied, kept whole."""

    path = "/api/quarantine"
    tags = ("quarantine",)

    @get(summary="List what was not applied, newest first")
    async def index(
        self,
        request: TenantRequest,
        desk: Desk,
        kind: Annotated[Kind | None, Parameter(description="only these")] = None,
        source: Annotated[str | None, Parameter(description="only from this hook or NATS subject")] = None,
        since: Annotated[datetime | None, Parameter(description="only what came in then or later")] = None,
        limit: Limit = 50,
        after: After = None,
    ) -> Items:
        """Return a page: each says why it was not applied, and whether it can be sent again from here."""
        place = cursor.read(after, tuple[int, str]) if after else NEWEST
        async with desk.engine.connect() as connection:
            found = await lines.newest(
                connection, request.user, _selection(kind, source, since), place, limit + 1
            )
        following = cursor.write(found[limit - 1].place) if len(found) > limit else None
        return Items([view_of(line, request.user) for line in found[:limit]], following)

    @get("/{thing_id:str}", summary="Show something that was not applied, with its raw body")
    async def show(self, thing_id: str, request: TenantRequest, desk: Desk) -> QuarantineDetails:
        """Return it whole; the body is null where it belongs to no tenant that we know."""
        async with desk.engine.connect() as connection:
            found = (await lines.named(connection, request.user, [thing_id])).get(thing_id)
            if found is None:
                raise not_found("thing in quarantine")
            body = await lines.body_of(connection, request.user, thing_id)
        return details_of(found, request.user, body)

    @post("/redrive", status_code=202, summary="Send again what was not applied")
    async def redrive(
        self, request: TenantRequest, desk: Desk, data: JSONBody[QuarantineWords]
    ) -> QuarantineRedrive:
        """Each is published as it was, on its subject, once: a repeat sends nothing twice. A raw callback can only be
        posted to the gateway again, which translates it: it is refused here with `NEEDS_THE_GATEWAY`.
        """
        if (data.ids is None) == (data.filter is None):
            raise Refusal(400, "say which: either ids or a filter", code="INVALID_REQUEST", field="ids")
        wish = Wish(request.user, data.by or request.user, data.why, data.dry_run)
        engine, rules, now_ms = desk.engine, desk.clerk.rules, desk.now_ms()
        if data.ids is not None:
            done = await redrive_named(engine, rules, wish, data.ids, now_ms)
        else:
            wanted = data.filter or QuarantineFilter()
            selection = _selection(wanted.kind, wanted.source, wanted.since)
            done = await redrive_selected(engine, rules, wish, selection, now_ms)
        return QuarantineRedrive(data.dry_run, done.redriven, done.already, done.refused, done.more)


def _selection(kind: Kind | None, source: str | None, since: datetime | None) -> Selection:
    if since is not None and since.tzinfo is None:
        raise Refusal(
            400, "a time needs its zone, as 2026-03-01T09:00:00Z", code="INVALID_REQUEST", field="since"
        )
    return Selection(kind, source, to_ms(since) if since else 0)
