"""The deadline: a send that nobody confirmed becomes unconfirmed, is looked up at the VPS, and is settled, queued
again or held. Only the worker that holds a session looks its messages up.
"""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher import reports
from dispatcher.domain import recipient_commands as command
from dispatcher.handling import Cause, Rules, batch
from dispatcher.processes.inquiry import AskAgain, Inquiry, LookUp, Policy, Sent, described
from dispatcher.store.stream_names import Key

BATCH = 100
"""So many overdue attempts are settled at a time."""

_OVERDUE = text("""
    SELECT o.campaign_id, o.recipient, o.number, o.session_id
    FROM open_attempts o JOIN session_leases l ON l.session_id = o.session_id AND l.holder = :holder
    WHERE o.in_flight AND o.deadline_ms <= :now_ms ORDER BY o.deadline_ms LIMIT :limit
""")


class Expiry:
    """Settles what is overdue. `ask_again_seconds` is the pause before a look-up that failed is repeated."""

    def __init__(
        self,
        engine: AsyncEngine,
        rules: Rules,
        look_up: LookUp,
        policy: Policy,
        now_ms: Callable[[], int],
        holder: str,
        ask_again_seconds: float = 30,
        skew_seconds: float = 2,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._inquiry = Inquiry(engine, look_up, policy, skew_seconds)
        self._now_ms = now_ms
        self._holder = holder
        self._ask_again_ms = round(ask_again_seconds * 1000)
        self._later: dict[tuple[Key, int], int] = {}

    async def settle(self) -> int:
        """Settle one batch; return how many attempts were overdue."""
        now_ms = self._now_ms()
        self._later = {attempt: at_ms for attempt, at_ms in self._later.items() if at_ms > now_ms}
        overdue = await self._expire(now_ms)
        if not overdue:
            return 0
        findings = await self._inquiry.find(overdue)
        async with batch(self._engine, self._rules, self._now_ms()) as (connection, handling):
            await handling.load(connection, [attempt.key for attempt in overdue])
            for attempt, finding in zip(overdue, findings, strict=True):
                self._inquiry.tell(handling, attempt, finding, Cause(str(attempt.campaign_id)))
                if isinstance(finding, AskAgain):
                    self._later[attempt.key, attempt.number] = handling.now_ms + self._ask_again_ms
            await reports.bring_back(connection, handling)
        return len(overdue)

    async def _expire(self, now_ms: int) -> list[Sent]:
        """Mark what is overdue as unconfirmed; return what is to be looked up."""
        async with batch(self._engine, self._rules, now_ms) as (connection, handling):
            found = await self._overdue(connection, now_ms)
            await handling.load(connection, [key for key, _, _ in found])
            for key, number, _ in found:
                handling.tell_recipient(key, command.Expire(now_ms, number), Cause(str(key[0])))
        rows = handling.changes.recipients
        return [described(rows[key], number, session_id) for key, number, session_id in found]

    async def _overdue(self, connection: AsyncConnection, now_ms: int) -> list[tuple[Key, int, str]]:
        parameters = {"holder": self._holder, "now_ms": now_ms, "limit": BATCH + len(self._later)}
        rows = await connection.execute(_OVERDUE, parameters)
        found = [((campaign_id, recipient), *rest) for campaign_id, recipient, *rest in rows]
        return [attempt for attempt in found if attempt[:2] not in self._later][:BATCH]
