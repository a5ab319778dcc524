"""The keys that open the API, in memory: a request costs no query. What other replicas change is seen at once by the
database's notification, else with the next refresh; how often keys are used is written down in batches.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain.api_key import Known, recognised
from dispatcher.pulse import Pulse
from dispatcher.store import api_keys
from dispatcher.store.api_keys import Use

REFRESH_SECONDS = 5.0
"""So long a lost notification leaves a retired key in use at other replicas; uses are written as often."""
OF_SETTING = UUID("0d0c65fb-f6b1-4ae7-9a2b-6b1d5c0b6a3e")
"""Names the ids of the keys in API_KEYS, which no line of a table names; any UUID would do."""


class LiveKey(Known, frozen=True):
    """A key that opens the API; `of_setting`: it stands in API_KEYS."""

    key_id: UUID
    of_setting: bool = False


class Keyring:
    """Knows the keys of the setting, and those of the database as of the last `load`."""

    def __init__(self, engine: AsyncEngine, of_setting: Iterable[Known]) -> None:
        self._engine = engine
        self._of_setting = tuple(_live(known) for known in of_setting)
        self._stored: tuple[LiveKey, ...] = ()
        self._uses: dict[UUID, Use] = {}
        self._loading = asyncio.Lock()
        self._woken = asyncio.Event()

    def recognise(self, key: str) -> LiveKey | None:
        """Return what is known of a key that somebody shows."""
        return recognised((*self._of_setting, *self._stored), key)

    def of_setting(self, tenant: str) -> list[LiveKey]:
        """Return a tenant's keys in API_KEYS."""
        return [key for key in self._of_setting if key.tenant == tenant]

    def note_use(self, key_id: UUID, now_ms: int) -> None:
        """Count a request; it is written down later."""
        noted = self._uses.get(key_id)
        self._uses[key_id] = Use(key_id, noted.uses + 1 if noted else 1, now_ms)

    def wake(self, _: str = "") -> None:
        """Let the keys be read again: they were changed somewhere."""
        self._woken.set()

    async def load(self) -> None:
        """Read the keys; whoever changed them sees it after this. One at a time, so that none goes back in time."""
        async with self._loading, self._engine.connect() as connection:
            stored = await api_keys.live(connection)
            self._stored = tuple(LiveKey(key.digest, key.tenant, key.key_id) for key in stored)

    async def write_uses(self) -> None:
        """Write down what was counted since the last time; what cannot be written stays counted."""
        noted, self._uses = self._uses, {}
        if not noted:
            return
        try:
            async with self._engine.begin() as connection:
                await api_keys.note_uses(connection, list(noted.values()))
        except BaseException:
            self._put_back(noted)
            raise

    def _put_back(self, noted: dict[UUID, Use]) -> None:
        for key_id, use in noted.items():
            since = self._uses.get(key_id, msgspec.structs.replace(use, uses=0))
            self._uses[key_id] = msgspec.structs.replace(since, uses=since.uses + use.uses)

    async def run(self, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Keep up with the database until told to stop."""
        while not stopping.is_set():
            self._woken.clear()
            await self.load()
            await self.write_uses()
            with pulse.resting(), suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), REFRESH_SECONDS)
        await self.write_uses()


def _live(known: Known) -> LiveKey:
    key_id = uuid5(OF_SETTING, f"{known.tenant}:{known.digest.hex()}")
    return LiveKey(known.digest, known.tenant, key_id, of_setting=True)
