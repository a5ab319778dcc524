"""`/api/groups`: the directory of groups."""

from typing import Annotated

from litestar import get
from litestar.params import Parameter, QueryParameter

from dispatcher.api import cursor, session_queries
from dispatcher.api.desk import After, Limit, TenantRequest
from dispatcher.api.session_desk import SessionDesk
from dispatcher.api.session_queries import Wanted
from dispatcher.api.session_views import group_view
from dispatcher.api.views import Items


@get("/api/groups", summary="List the groups of sessions", tags=["groups"])
async def list_groups(
    request: TenantRequest,
    session_desk: SessionDesk,
    session_id: Annotated[str | None, Parameter(description="only those of this session")] = None,
    name: Annotated[str | None, QueryParameter(name="query", description="a part of the name")] = None,
    sendable: Annotated[bool | None, Parameter(description="whether a message may be sent to it")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Items:
    """Return a page of groups, by session and JID. Community parents are never among them."""
    place = cursor.read(after, tuple[str, str]) if after else ("", "")
    async with session_desk.engine.connect() as connection:
        wanted = Wanted(session_id, name, sendable)
        rows = await session_queries.groups(connection, request.user, wanted, place, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursor.write((last.session_id, last.group_jid)) if last else None
    return Items([group_view(row) for row in rows[:limit]], following)
