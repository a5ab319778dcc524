"""`POST /api/sessions/{old}/move-to/{new}`: what one session still has to send goes through another one."""

import msgspec
from litestar import post
from litestar.params import JSONBody

from dispatcher.api.desk import TenantRequest
from dispatcher.api.problems import Refusal
from dispatcher.api.session_desk import SessionDesk
from dispatcher.api.sessions import Wish
from dispatcher.moving import Wish as Move


class MoveView(msgspec.Struct, frozen=True):
    """What a move came to: campaigns, their recipients that are still to be sent to, and groups that were not known
    there.
    """

    success: bool
    session_id: str
    moved_to: str
    campaigns: int
    recipients: int
    groups: int


@post(
    "/api/sessions/{old:str}/move-to/{new:str}",
    status_code=200,
    tags=["sessions"],
    summary="Move what a session still has to send to another one",
)
async def move_session(
    old: str, new: str, request: TenantRequest, session_desk: SessionDesk, data: JSONBody[Wish | None] = None
) -> MoveView:
    """Move open campaigns, groups and, where the new session has none, limits. What is in flight stays with the old
    session. A repeat moves what has come since.
    """
    if old == new:
        raise Refusal(400, "these are the same session", code="SAME_SESSION", field="new")
    wish = data or Wish()
    for session_id in (old, new):
        await session_desk.require(request.user, session_id)
        await session_desk.tell(request.user, session_id)
    moved = await session_desk.moving.move(Move(old, new, wish.by or request.user, wish.why))
    return MoveView(True, old, new, **msgspec.structs.asdict(moved))
