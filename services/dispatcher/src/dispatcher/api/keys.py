"""`/api/keys`: the keys of the API. A new one is shown once; a retired one opens nothing any more."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.datastructures import CacheControlHeader
from litestar.params import JSONBody, Parameter

from dispatcher.api import cursor
from dispatcher.api.desk import After, Limit, TenantRequest
from dispatcher.api.key_desk import Caller, KeyDesk
from dispatcher.api.key_views import KeyView, MadeKey
from dispatcher.api.views import Items

Label = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,100}(?!\n)$", description="what it is for")]

Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,128}(?!\n)$")]


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that is wanted; without `by` the tenant wants it."""

    label: Label
    by: Name | None = None


class Retirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants a key retired; `force`: even if it is the key of this request."""

    by: Name | None = None
    force: bool = False


class ApiKeys(Controller):
    """Keys of the caller's tenant."""

    path = "/api/keys"
    tags = ("keys",)

    @get(summary="List the keys of the API")
    async def index(
        self,
        request: TenantRequest,
        key_desk: KeyDesk,
        retired: Annotated[bool, Parameter(description="those that open nothing any more")] = False,
        limit: Limit = 100,
        after: After = None,
    ) -> Items:
        """Return all keys that open the API (not paged: there are few), or a page of those that are retired."""
        caller = _caller(request)
        if not retired:
            return Items(await key_desk.live(caller))
        place = cursor.read(after, tuple[int, UUID]) if after else None
        found = await key_desk.retired(caller, place, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = cursor.write((_created_at_ms(last), last.key_id)) if last else None
        return Items(found[:limit], following)

    @post(summary="Make a key", cache_control=CacheControlHeader(no_store=True))
    async def add(self, request: TenantRequest, key_desk: KeyDesk, data: JSONBody[NewKey]) -> MadeKey:
        """Make a key and show it, this once; what is kept of it opens nothing."""
        return await key_desk.add(_caller(request), data.label, data.by or request.user)

    @post("/{key_id:uuid}/retire", status_code=200, summary="Retire a key")
    async def retire(
        self,
        key_id: UUID,
        request: TenantRequest,
        key_desk: KeyDesk,
        data: JSONBody[Retirement | None] = None,
    ) -> KeyView:
        """Let a key open nothing any more, here at once, at other replicas within seconds. Never the last one."""
        wish = data or Retirement()
        return await key_desk.retire(_caller(request), key_id, wish.by or request.user, force=wish.force)


def _caller(request: TenantRequest) -> Caller:
    return Caller(request.user, request.auth)


def _created_at_ms(key: KeyView) -> int:
    return round(key.created_at.timestamp() * 1000) if key.created_at else 0
