"""What routes have in common: who asks, how a list is paged, and what they need to answer."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.params import Parameter
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.answers import SessionTold, Unreachable
from dispatcher.creation import Clerk
from dispatcher.domain.phone import CountryCodes, jid_as_written
from dispatcher.enrolment import Bounds

TenantRequest = Request[str, UUID, State]
"""A request whose user is the tenant; `auth` is the id of the key that it came with."""
Limit = Annotated[int, Parameter(ge=1, le=1000, description="how many items a page holds")]
After = Annotated[str | None, Parameter(description="the `next` of the page before")]


class Ages(msgspec.Struct, frozen=True):
    """How old something must be (ms) to ask for attention."""

    unmatched_ms: int
    unfinished_ms: int
    paused_ms: int


class Desk(msgspec.Struct, frozen=True):
    """What the routes need. `ask_session` asks the VPS for the state of a session."""

    engine: AsyncEngine
    clerk: Clerk
    country_codes: CountryCodes
    now_ms: Callable[[], int]
    new_id: Callable[[], UUID]
    ask_session: Callable[[str], Awaitable[SessionTold | Unreachable]]
    bounds: Bounds
    ages: Ages

    def jid_of(self, tenant: str, address: str) -> str:
        """Return the JID of a recipient as somebody of a tenant writes it."""
        return jid_as_written(address, self.country_codes.of(tenant))
