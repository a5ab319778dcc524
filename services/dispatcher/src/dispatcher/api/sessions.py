"""`/api/sessions`: see what may be sent through, verify it, and let it go on."""

import re
from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from litestar import Controller, get, post, put
from litestar.params import JSONBody

from dispatcher.answers import SessionTold, Unreachable
from dispatcher.api import cursor, session_queries
from dispatcher.api.desk import After, Limit, TenantRequest
from dispatcher.api.problems import Refusal
from dispatcher.api.session_desk import SessionDesk, unreachable
from dispatcher.api.session_views import SessionView, SyncView, session_view
from dispatcher.api.views import Items
from dispatcher.domain.session import DOWN, Limits
from dispatcher.domain.session_decider import Command, Configure, Pause, Release
from dispatcher.group_listing import Unlisted

SESSION_ID = re.compile(r"(?!\.+$)[A-Za-z0-9_.:-]{1,128}")
HourAndMinute = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d(?!\n)$")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants it, and why; without `by` it is the tenant."""

    by: Words | None = None
    why: Words | None = None


class SessionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is allowed: messages per day, and hours in which none leaves, by the clock of `timezone` (IANA's name)."""

    daily_cap: Annotated[int, msgspec.Meta(ge=1)] | None = None
    quiet_from: HourAndMinute | None = None
    quiet_to: HourAndMinute | None = None
    timezone: str = "UTC"
    by: Words | None = None


class Sessions(Controller):
    """Sessions of the caller's tenant, and those that nobody has used yet."""

    path = "/api/sessions"
    tags = ("sessions",)

    @get(summary="List sessions")
    async def index(
        self, request: TenantRequest, session_desk: SessionDesk, limit: Limit = 100, after: After = None
    ) -> Items:
        """Return a page of sessions, by their ids."""
        return await _page(session_desk, request.user, limit, after)

    @post("/verify", status_code=200, summary="Ask the VPS for the state of all sessions")
    async def verify_all(
        self, request: TenantRequest, session_desk: SessionDesk, limit: Limit = 100, after: After = None
    ) -> Items:
        """Ask for those of a page, as somebody who looks at them does, and return it. A mismatch corrects what was
        believed; where the VPS gives no usable answer the session says so.
        """
        believed = await _page(session_desk, request.user, limit, after)
        if believed.items:
            await session_desk.verification.verify([each.session_id for each in believed.items])
        return await _page(session_desk, request.user, limit, after)

    @get("/{session_id:str}", summary="Show a session")
    async def show(self, session_id: str, request: TenantRequest, session_desk: SessionDesk) -> SessionView:
        """Return one session."""
        return await session_desk.view(request.user, session_id)

    @post("/{session_id:str}/verify", status_code=200, summary="Ask the VPS for a session's state")
    async def verify(self, session_id: str, request: TenantRequest, session_desk: SessionDesk) -> SessionView:
        """Ask now; a mismatch corrects what was believed."""
        await session_desk.require(request.user, session_id)
        await session_desk.tell(request.user, session_id)
        return await _verified(session_desk, request.user, session_id)

    @post("/{session_id:str}/connect", status_code=200, summary="Let the VPS connect a session")
    async def connect(
        self, session_id: str, request: TenantRequest, session_desk: SessionDesk
    ) -> SessionView:
        """Connect, and ask for the state. The answer is about the id that the session has then."""
        _require_id(session_id)
        await session_desk.require_free(request.user, session_id)
        connected = await session_desk.vps.connect(session_id)
        if isinstance(connected, Unreachable):
            raise unreachable(connected)
        await session_desk.tell(request.user, connected)
        return await _verified(session_desk, request.user, connected)

    @post("/{session_id:str}/disconnect", status_code=200, summary="Let the VPS disconnect a session")
    async def disconnect(
        self, session_id: str, request: TenantRequest, session_desk: SessionDesk
    ) -> SessionView:
        """Disconnect, and ask for the state."""
        await session_desk.require(request.user, session_id)
        await session_desk.tell(request.user, session_id)
        if refused := await session_desk.vps.disconnect(session_id):
            raise unreachable(refused)
        return await _verified(session_desk, request.user, session_id)

    @post("/{session_id:str}/pause", status_code=200, summary="Let nothing leave through a session")
    async def pause(
        self,
        session_id: str,
        request: TenantRequest,
        session_desk: SessionDesk,
        data: JSONBody[Wish | None] = None,
    ) -> SessionView:
        """Pause; a repeat changes nothing. What is in flight still arrives."""
        return await _told(session_desk, request.user, session_id, Pause, data)

    @post("/{session_id:str}/resume", status_code=200, summary="Let a session go on, whatever held it")
    async def resume(
        self,
        session_id: str,
        request: TenantRequest,
        session_desk: SessionDesk,
        data: JSONBody[Wish | None] = None,
    ) -> SessionView:
        """Lift a pause, a stop after error 463, a silence, a rest; a repeat changes nothing."""
        return await _told(session_desk, request.user, session_id, Release, data)

    @put("/{session_id:str}/settings", summary="Set a session's daily cap and quiet hours")
    async def settings(
        self,
        session_id: str,
        request: TenantRequest,
        session_desk: SessionDesk,
        data: JSONBody[SessionSettings],
    ) -> SessionView:
        """Set all of them; what is left out is not limited."""
        _require_sane(data)
        await session_desk.require(request.user, session_id)
        limits = Limits(data.daily_cap, data.quiet_from, data.quiet_to, data.timezone)
        wish = Configure(session_desk.now_ms(), data.by or request.user, limits)
        await session_desk.tell(request.user, session_id, wish)
        return await session_desk.view(request.user, session_id)

    @post("/{session_id:str}/groups/sync", status_code=200, summary="Read a session's groups from the VPS")
    async def sync(self, session_id: str, request: TenantRequest, session_desk: SessionDesk) -> SyncView:
        """Bring the directory in line with the VPS; a repeat changes nothing. Community parents are left out."""
        _require_id(session_id)
        await session_desk.require_free(request.user, session_id)
        asked_at_ms = session_desk.now_ms()
        told = await session_desk.vps.status(session_id)
        _require_connected(told)
        listed = await session_desk.vps.groups(session_id)
        if isinstance(listed, Unlisted):
            raise unreachable(listed)
        await session_desk.tell(request.user, session_id)
        await session_desk.verification.record({session_id: told})
        synced = await session_desk.directory.sync(session_id, listed, asked_at_ms)
        return SyncView(True, session_id, **msgspec.structs.asdict(synced))


async def _page(desk: SessionDesk, tenant: str, limit: int, after: str | None) -> Items:
    place = cursor.read(after, str) if after else ""
    async with desk.engine.connect() as connection:
        found = await session_queries.sessions(connection, tenant, place, limit + 1)
    following = cursor.write(found[limit - 1][0].session_id) if len(found) > limit else None
    now_ms = desk.now_ms()
    return Items([session_view(*each, now_ms) for each in found[:limit]], following)


async def _verified(desk: SessionDesk, tenant: str, session_id: str) -> SessionView:
    told = (await desk.verification.verify([session_id]))[session_id]
    if isinstance(told, Unreachable):
        raise unreachable(told)
    return await desk.view(tenant, session_id)


async def _told(
    desk: SessionDesk,
    tenant: str,
    session_id: str,
    command: Callable[[int, str, str | None], Command],
    wish: Wish | None,
) -> SessionView:
    await desk.require(tenant, session_id)
    wish = wish or Wish()
    await desk.tell(tenant, session_id, command(desk.now_ms(), wish.by or tenant, wish.why))
    return await desk.view(tenant, session_id)


def _require_id(session_id: str) -> None:
    if not SESSION_ID.fullmatch(session_id):
        raise Refusal(400, "not an id of a session", code="INVALID_REQUEST", field="session_id")


def _require_connected(told: SessionTold | Unreachable) -> None:
    """Refuse a list of a session that is down: it would be empty, and every group gone."""
    if isinstance(told, Unreachable):
        raise unreachable(told)
    if told.status in DOWN:
        raise Refusal(
            409, f"the session is not connected: it is {told.status}", code="WHATSAPP_NOT_CONNECTED"
        )


def _require_sane(settings: SessionSettings) -> None:
    if (settings.quiet_from is None) != (settings.quiet_to is None):
        missing = "quiet_to" if settings.quiet_to is None else "quiet_from"
        raise Refusal(400, "quiet hours have a beginning and an end", code="INVALID_REQUEST", field=missing)
    try:
        ZoneInfo(settings.timezone)
    except (KeyError, ValueError, OSError):
        raise Refusal(
            400, "not a time zone that is known here", code="INVALID_REQUEST", field="timezone"
        ) from None
