"""What the routes of keys do: make one, list them, retire one. A change is in force here when the answer leaves."""

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.api.key_views import KeyView, MadeKey, setting_view, stored_view
from dispatcher.api.keyring import Keyring
from dispatcher.api.problems import Refusal, not_found
from dispatcher.domain.api_key import MOST_LIVE, digest_of, retirement_refusal
from dispatcher.store import api_keys
from dispatcher.store.api_keys import StoredKey, Use

log = logging.getLogger(__name__)

WHY_NOT = {
    "API_KEY_OF_SETTING": "this key stands in the setting API_KEYS: take it out there",
    "API_KEY_IN_USE": 'this is the key of this request; with "force": true it is retired all the same',
    "LAST_API_KEY": "this is the tenant's last key; add another one first",
}


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and with which key."""

    tenant: str
    key_id: UUID


class KeyDesk(msgspec.Struct, frozen=True):
    """What the routes need. `new_key` makes a key that nobody can guess."""

    engine: AsyncEngine
    keyring: Keyring
    now_ms: Callable[[], int]
    new_id: Callable[[], UUID]
    new_key: Callable[[], str]

    async def add(self, caller: Caller, label: str, by: str) -> MadeKey:
        """Make a key; it is told here, and never again."""
        secret = self.new_key()
        made = StoredKey(self.new_id(), caller.tenant, label, digest_of(secret), self.now_ms(), by)
        async with self.engine.begin() as connection:
            await api_keys.lock(connection, caller.tenant)
            if len(await api_keys.live_of(connection, caller.tenant)) >= MOST_LIVE:
                raise Refusal(
                    409, f"a tenant has at most {MOST_LIVE} keys; retire one", code="TOO_MANY_API_KEYS"
                )
            await api_keys.add(connection, made)
        await self.keyring.load()
        log.info("api key added key_id=%s tenant=%s", made.key_id, made.tenant)
        return MadeKey(**msgspec.structs.asdict(stored_view(made, None, caller.key_id)), key=secret)

    async def retire(self, caller: Caller, key_id: UUID, by: str, *, force: bool) -> KeyView:
        """Let a key open nothing any more; a repeat changes nothing."""
        async with self.engine.begin() as connection:
            await api_keys.lock(connection, caller.tenant)
            key = await api_keys.one(connection, caller.tenant, key_id)
            of_setting = {one.key_id for one in self.keyring.of_setting(caller.tenant)}
            if key is None and key_id not in of_setting:
                raise not_found("API key")
            if key is None or key.retired_at_ms is None:
                stored = {one.key_id for one in await api_keys.live_of(connection, caller.tenant)}
                refusal = retirement_refusal(
                    of_setting=key is None,
                    used_for_this=key_id == caller.key_id,
                    others_live=len((stored | of_setting) - {key_id}),
                    force=force,
                )
                if refusal:
                    raise Refusal(409, WHY_NOT[refusal], code=refusal)
                await api_keys.retire(connection, key_id, by, self.now_ms())
        await self.keyring.load()
        log.info("api key retired key_id=%s tenant=%s", key_id, caller.tenant)
        return await self.view(caller, key_id)

    async def view(self, caller: Caller, key_id: UUID) -> KeyView:
        """Return a stored key as it is now."""
        await self.keyring.write_uses()
        async with self.engine.connect() as connection:
            key = await api_keys.one(connection, caller.tenant, key_id)
            uses = await api_keys.uses(connection, [key_id])
        if key is None:
            raise not_found("API key")
        return stored_view(key, uses.get(key_id), caller.key_id)

    async def live(self, caller: Caller) -> list[KeyView]:
        """Return the keys that open the API: those of the setting, then those that were made, oldest first."""
        of_setting = self.keyring.of_setting(caller.tenant)
        async with self.engine.connect() as connection:
            stored = await api_keys.live_of(connection, caller.tenant)
        uses = await self._uses([*(key.key_id for key in of_setting), *(key.key_id for key in stored)])
        return [
            *(setting_view(key.key_id, uses.get(key.key_id), caller.key_id) for key in of_setting),
            *(stored_view(key, uses.get(key.key_id), caller.key_id) for key in stored),
        ]

    async def retired(self, caller: Caller, after: tuple[int, UUID] | None, limit: int) -> list[KeyView]:
        """Return keys that open nothing any more, newest first."""
        async with self.engine.connect() as connection:
            stored = await api_keys.retired_of(connection, caller.tenant, after, limit)
        uses = await self._uses(key.key_id for key in stored)
        return [stored_view(key, uses.get(key.key_id), caller.key_id) for key in stored]

    async def _uses(self, key_ids: Iterable[UUID]) -> dict[UUID, Use]:
        await self.keyring.write_uses()
        async with self.engine.connect() as connection:
            return await api_keys.uses(connection, key_ids)
