"""What the VPS says of its sessions, asked by us: a mismatch corrects what we believed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.answers import SessionTold, Unreachable
from dispatcher.domain.session_decider import Verify
from dispatcher.handling import Cause, Rules, batch
from dispatcher.store.postgres import as_rows

Ask = Callable[[str], Awaitable[SessionTold | Unreachable]]
PARALLEL = 10
"""So many questions are under way at once."""

_WANTED = text("""
    SELECT DISTINCT session_id FROM campaign_status
    WHERE session_id = ANY(CAST(:sessions AS text[])) AND status IN ('queued', 'running') AND queued > 0
""")
_NOTE = text("""
    INSERT INTO session_checks (session_id, asked_at_ms, answered_at_ms)
    SELECT session_id, CAST(:now_ms AS bigint), CASE WHEN answered THEN CAST(:now_ms AS bigint) END
    FROM json_to_recordset(CAST(:rows AS json)) AS n(session_id text, answered boolean)
    ON CONFLICT (session_id) DO UPDATE
        SET answered_at_ms = coalesce(excluded.answered_at_ms, session_checks.answered_at_ms)
""")


class Verification(msgspec.Struct, frozen=True):
    """Asks, and records what is new."""

    engine: AsyncEngine
    rules: Rules
    ask: Ask
    now_ms: Callable[[], int]

    async def verify(self, sessions: Collection[str]) -> dict[str, SessionTold | Unreachable]:
        """Ask for these sessions and correct what we believed of them; return the answers."""
        gate = asyncio.Semaphore(PARALLEL)

        async def asked(session_id: str) -> tuple[str, SessionTold | Unreachable]:
            async with gate:
                return session_id, await self.ask(session_id)

        told = dict(await asyncio.gather(*(asked(session_id) for session_id in sessions)))
        await self.record(told)
        return told

    async def record(self, told: dict[str, SessionTold | Unreachable]) -> None:
        """Let each session know what the VPS said of it."""
        async with batch(self.engine, self.rules, self.now_ms()) as (connection, handling):
            await handling.load(connection, session_ids=told.keys())
            wanted = set((await connection.execute(_WANTED, {"sessions": list(told)})).scalars())
            for session_id, answer in told.items():
                command = _command(answer, handling.now_ms, wanted=session_id in wanted)
                handling.tell_session(session_id, command, Cause(session_id))
            rows = [
                {"session_id": session_id, "answered": isinstance(answer, SessionTold)}
                for session_id, answer in told.items()
            ]
            await connection.execute(_NOTE, {**as_rows(rows), "now_ms": handling.now_ms})


def _command(answer: SessionTold | Unreachable, now_ms: int, *, wanted: bool) -> Verify:
    match answer:
        case SessionTold(status, phone_number):
            return Verify(now_ms, status, phone_number, wanted)
        case Unreachable():
            return Verify(now_ms, None, wanted=wanted)
