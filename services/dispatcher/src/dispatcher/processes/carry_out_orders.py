"""What was ordered for many recipients of a campaign, carried out part by part: send again, verify, settle by hand."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher import reports
from dispatcher.domain.campaign_commands import Confirm, Retry, Verify
from dispatcher.domain.status import CampaignStatus, Status
from dispatcher.handling import Cause, Rules, batch
from dispatcher.processes.inquiry import AskAgain, Finding, Inquiry, Sent, Settled, described, is_undecided
from dispatcher.projections import campaign_status, recipient_status
from dispatcher.steering import wish_of
from dispatcher.store import orders
from dispatcher.store.orders import OpenOrder

PART = 500
"""So many recipients are told something in one transaction: it bounds how long callbacks wait."""
PART_ASKED = 100
"""So many are looked up at the VPS between two transactions."""

SETTLED_BY_HAND = (Status.FAILED.value, Status.UNCONFIRMED.value)
FAILED_ALONE = (Status.FAILED.value,)


class Orders:
    """Carries orders out, one part of one order at a time. `ask_again_seconds`: how long an order rests where the VPS
    gave no usable answer.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        rules: Rules,
        inquiry: Inquiry,
        now_ms: Callable[[], int],
        ask_again_seconds: float = 30,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._inquiry = inquiry
        self._now_ms = now_ms
        self._ask_again_ms = round(ask_again_seconds * 1000)

    async def carry_out(self) -> int:
        """Carry out one part; return 0 when nothing is ordered."""
        async with self._engine.begin() as connection:
            order = await orders.claim(connection, self._now_ms())
        if order is None:
            return 0
        async with self._engine.connect() as connection:
            limit = PART_ASKED if isinstance(order.command, Verify) else PART
            part = await orders.next_recipients(connection, order, _concerned(order), limit)
        if not part:
            async with self._engine.begin() as connection:
                await orders.end(connection, order)
        elif isinstance(order.command, Verify):
            await self._verify(order, part)
        else:
            await self._tell(order, order.command, part)
        return 1

    async def _tell(
        self, order: OpenOrder, command: Retry | Confirm, part: Sequence[tuple[str, int]]
    ) -> None:
        now_ms = self._now_ms()
        async with batch(self._engine, self._rules, now_ms) as (connection, handling):
            if not await orders.advance(connection, order, part[-1][1], now_ms):
                return
            await handling.load(connection, [(order.campaign_id, jid) for jid, _ in part])
            status = handling.changes.campaigns[order.campaign_id].campaign.status
            if isinstance(command, Retry) and status is CampaignStatus.CANCELLED:
                return
            for jid, _ in part:
                handling.tell_recipient((order.campaign_id, jid), wish_of(command, now_ms), _cause(order))

    async def _verify(self, order: OpenOrder, part: Sequence[tuple[str, int]]) -> None:
        """Ask, and record up to the first that got no usable answer."""
        attempts = await self._described(order, [jid for jid, _ in part])
        findings = await self._inquiry.find(attempts)
        answered = _until_first_silence(findings)
        now_ms = self._now_ms()
        done_up_to, rests_until_ms = part[-1][1], now_ms
        if answered < len(findings):
            done_up_to, rests_until_ms = part[answered][1] - 1, now_ms + self._ask_again_ms
        async with batch(self._engine, self._rules, now_ms) as (connection, handling):
            if not await orders.advance(connection, order, done_up_to, rests_until_ms):
                return
            await handling.load(connection, [attempt.key for attempt in attempts])
            for attempt, finding in zip(attempts[:answered], findings[:answered], strict=True):
                if isinstance(finding, Settled) or is_undecided(handling, attempt):
                    self._inquiry.tell(handling, attempt, finding, _cause(order))
            await reports.bring_back(connection, handling)

    async def _described(self, order: OpenOrder, jids: Sequence[str]) -> list[Sent]:
        """Return the last attempt of each recipient."""
        async with self._engine.connect() as connection:
            rows = await recipient_status.load(connection, [(order.campaign_id, jid) for jid in jids])
            [campaign] = await campaign_status.load(connection, [order.campaign_id])
        last = [(row, row.state.attempts[-1]) for row in rows]
        asked = {
            row.recipient: described(row, attempt.number, campaign.campaign.session_of(attempt.session_id))
            for row, attempt in last
        }
        return [asked[jid] for jid in jids]


def _concerned(order: OpenOrder) -> Sequence[str]:
    """Return the statuses of the recipients that an order is about."""
    command = order.command
    if isinstance(command, Retry) and not command.include_unconfirmed:
        return FAILED_ALONE
    return SETTLED_BY_HAND


def _until_first_silence(findings: Sequence[Finding]) -> int:
    """Return how many findings stand before the first that is none."""
    silent = (place for place, finding in enumerate(findings) if isinstance(finding, AskAgain))
    return next(silent, len(findings))


def _cause(order: OpenOrder) -> Cause:
    return Cause(order.correlation, order.causation)
