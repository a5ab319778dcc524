"""The end of a run: wait until nothing moves any more, and settle what is held for an operator, as one would.

The operator looks at the phone: what is in the VPS's ledger is confirmed as sent, the rest is sent again.
"""

import asyncio
import re
import time
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
from nats.errors import Error as NatsError

from contracts.streams import DURABLES
from local_stack.api_client import ApiClient, ApiError
from local_stack.fault.broker import connected
from local_stack.fault.campaigns import is_bare
from local_stack.fault.field import Field
from local_stack.probes import fetch
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.keeping import read_ledger

POLL_SECONDS = 0.5
NOT_NOW = (
    OSError,
    TimeoutError,
    aiohttp.ClientError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    NatsError,
    ApiError,
)
"""What may go wrong while parts are still coming back."""
AT_ONCE = 500

_OPEN = """
    SELECT (SELECT count(*) FROM send_queue) AS queued,
           (SELECT count(*) FROM open_attempts WHERE in_flight) AS in_flight,
           (SELECT coalesce(max(global_position), 0) FROM events)
           - (SELECT coalesce(max(position), 0) FROM relay_checkpoint) AS unrelayed
"""
_HELD = """
    SELECT campaign_id::text, session_id, recipient FROM recipient_status r JOIN campaign_status USING (campaign_id)
    WHERE r.status = 'unconfirmed' ORDER BY 1, 3
"""
_SPOOLED = re.compile(r"^gateway_spool_messages(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


class Held(msgspec.Struct, frozen=True):
    """How many messages an operator had to settle, by the build of their VPS, and what he found."""

    full: int = 0
    bare: int = 0
    confirmed: int = 0
    sent_again: int = 0


class Settling:
    """Brings a field to rest."""

    def __init__(self, field: Field, vps: SimulatorClient, api: ApiClient) -> None:
        self._field = field
        self._vps = vps
        self._api = api
        self.held = Held()

    async def rest(self, within_seconds: float) -> str:
        """Wait until all is at rest. Returns what still moves when the time is up; empty when nothing does."""
        deadline = time.monotonic() + within_seconds
        moving = "nothing was asked"
        while time.monotonic() < deadline:
            try:
                moving = await self._moving()
                if not moving and not await self._settle_held():
                    return ""
            except NOT_NOW as failure:
                moving = f"{type(failure).__name__}: {failure}"
            await asyncio.sleep(POLL_SECONDS)
        return moving

    async def _moving(self) -> str:
        """Say what moves."""
        idle = await self._vps.idle()
        if not idle.idle:
            return (
                f"the VPS has {idle.queued_callbacks} callbacks and {idle.unwritten_messages} messages to go"
            )
        if spooled := await asyncio.to_thread(self._spooled):
            return f"the gateway's spool holds {spooled:g} callbacks"
        if waiting := await self._unconsumed():
            return f"{waiting} messages on NATS are not consumed"
        row = (await self._ask(_OPEN))[0]
        return ", ".join(f"{count} {name}" for name, count in row.items() if count)

    def _spooled(self) -> float:
        answer = fetch(f"{self._field.place().gateway_url}/metrics")
        if answer is None:
            raise ConnectionError("the gateway does not answer")
        found = _SPOOLED.search(answer.body.decode())
        return float(found[1]) if found else 0.0

    async def _unconsumed(self) -> int:
        async with connected(self._field.place().nats_url) as client:
            jetstream, waiting = client.jetstream(), 0
            for durable in DURABLES:
                info = await jetstream.consumer_info(durable.stream, durable.name)
                waiting += (info.num_pending or 0) + (info.num_ack_pending or 0)
            return waiting

    async def _settle_held(self) -> int:
        """Settle what waits for an operator; return how much that was."""
        rows = await self._ask(_HELD)
        ledger = {(entry.session_id, entry.recipient) for entry in read_ledger(Path(self._field.kept))}
        for campaign_id in {row[0] for row in rows}:
            here = [(row[1], row[2]) for row in rows if row[0] == campaign_id]
            seen = [jid for session_id, jid in here if (session_id, jid) in ledger]
            unseen = [jid for session_id, jid in here if (session_id, jid) not in ledger]
            await self._decide(campaign_id, seen, unseen)
            self._count(len(seen), len(unseen), bare=is_bare(here[0][0]))
        return len(rows)

    async def _decide(self, campaign_id: str, seen: list[str], unseen: list[str]) -> None:
        for start in range(0, len(seen), AT_ONCE):
            await self._api.confirm_sent(campaign_id, seen[start : start + AT_ONCE])
        for start in range(0, len(unseen), AT_ONCE):
            await self._api.send_again(campaign_id, unseen[start : start + AT_ONCE])

    def _count(self, seen: int, unseen: int, *, bare: bool) -> None:
        held = self.held
        self.held = Held(
            held.full + (0 if bare else seen + unseen),
            held.bare + (seen + unseen if bare else 0),
            held.confirmed + seen,
            held.sent_again + unseen,
        )

    async def _ask(self, statement: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._field.place().database_url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()
