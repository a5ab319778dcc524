"""What the routes of sessions need, and what several of them do: find a session, claim it, tell it something."""

from collections.abc import Callable
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.answers import SessionTold, Unreachable
from dispatcher.api import session_queries
from dispatcher.api.problems import Refusal, not_found
from dispatcher.api.session_views import SessionView, session_view
from dispatcher.directory import Directory
from dispatcher.domain.session_decider import Command, Use
from dispatcher.group_listing import Listed, Unlisted
from dispatcher.handling import Cause, Rules, batch
from dispatcher.moving import Moving
from dispatcher.projections.rows import SessionRow
from dispatcher.verification import Verification


class Vps(Protocol):
    """What of the VPS is asked here."""

    async def status(self, session_id: str) -> SessionTold | Unreachable:
        """Ask for the state of a session."""
        ...

    async def groups(self, session_id: str) -> Listed | Unlisted:
        """Ask for the groups of a session."""
        ...

    async def connect(self, session_id: str) -> str | Unreachable:
        """Let a session be connected; return its id then."""
        ...

    async def disconnect(self, session_id: str) -> Unreachable | None:
        """Let a session be disconnected."""
        ...


class SessionDesk(msgspec.Struct, frozen=True):
    """What the routes need."""

    engine: AsyncEngine
    rules: Rules
    vps: Vps
    verification: Verification
    directory: Directory
    moving: Moving
    now_ms: Callable[[], int]

    async def require(self, tenant: str, session_id: str) -> SessionRow:
        """Return a session that the tenant may see."""
        async with self.engine.connect() as connection:
            found = await session_queries.session(connection, tenant, session_id)
        if found is None:
            raise not_found("session")
        return found[0]

    async def require_free(self, tenant: str, session_id: str) -> None:
        """Refuse a session that another tenant uses; one that nobody knows is free."""
        async with self.engine.connect() as connection:
            if (await session_queries.owner(connection, session_id) or tenant) != tenant:
                raise not_found("session")

    async def view(self, tenant: str, session_id: str) -> SessionView:
        """Return a session as it stands now."""
        async with self.engine.connect() as connection:
            found = await session_queries.session(connection, tenant, session_id)
        if found is None:
            raise not_found("session")
        return session_view(*found, self.now_ms())

    async def tell(self, tenant: str, session_id: str, *commands: Command) -> None:
        """Let the tenant use a session, and let the session decide on what the tenant wants."""
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            await handling.load(connection, session_ids=[session_id])
            for command in (Use(handling.now_ms, tenant), *commands):
                handling.tell_session(session_id, command, Cause(session_id))
            row = handling.changes.sessions[session_id]
            if row.state.tenant != tenant:
                raise not_found("session")


def unreachable(told: Unreachable | Unlisted) -> Refusal:
    """Return the refusal for a VPS that gave no usable answer: nothing was changed."""
    return Refusal(502, f"the VPS gave no usable answer: {told.reason}", code="VPS_UNREACHABLE")
