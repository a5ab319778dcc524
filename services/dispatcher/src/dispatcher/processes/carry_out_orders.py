"""What was ordered for many recipients of a campaign, carried out part by part: send again, verify, settle by hand."""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher import reports
from dispatcher.domain.campaign_commands import Confirm, Retry, Verify
from dispatcher.domain.status import CampaignStatus, Status
from dispatcher.handling import Cause, Rules, batch
from dispatcher.processes.inquiry import AskAgain, Inquiry, Sent, Settled, described, is_undecided
from dispatcher.processes.question import Place, Question
from dispatcher.projections import campaign_status, recipient_status
from dispatcher.steering import wish_of
from dispatcher.store import orders
from dispatcher.store.orders import OpenOrder

log = logging.getLogger(__name__)

PART = 500
"""So many recipients are told something in one transaction: it bounds how long callbacks wait."""
PART_ASKED = 100
"""So many are looked up at the VPS between two transactions."""

SETTLED_BY_HAND = (Status.FAILED.value, Status.UNCONFIRMED.value)
FAILED_ALONE = (Status.FAILED.value,)


class Orders:
    """Carries orders out, one part of one order at a time. `ask_again_seconds`: the pause before the VPS is asked
    again where it gave no usable answer; `patience_seconds`: how long after the order that is done.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        rules: Rules,
        inquiry: Inquiry,
        now_ms: Callable[[], int],
        ask_again_seconds: float = 30,
        patience_seconds: float = 86_400,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._inquiry = inquiry
        self._now_ms = now_ms
        self._ask_again_ms = round(ask_again_seconds * 1000)
        self._patience_ms = round(patience_seconds * 1000)
        self._questions: dict[int, Question] = {}

    async def carry_out(self) -> int:
        """Carry out one part; return 0 when nothing is ordered."""
        async with self._engine.begin() as connection:
            order = await orders.claim(connection, self._now_ms())
        if order is None:
            return 0
        if isinstance(order.command, Verify):
            await self._verify(order)
        elif part := await self._next(order, order.done_up_to, _concerned(order.command), PART):
            await self._tell(order, order.command, part)
        else:
            await self._end(order)
        return 1

    async def _next(self, order: OpenOrder, after: int, statuses: Sequence[str], limit: int) -> list[Place]:
        async with self._engine.connect() as connection:
            return await orders.next_recipients(connection, order.campaign_id, after, statuses, limit)

    async def _end(self, order: OpenOrder) -> None:
        async with self._engine.begin() as connection:
            await orders.end(connection, order)
        self._questions.pop(order.order_id, None)

    async def _tell(self, order: OpenOrder, command: Retry | Confirm, part: Sequence[Place]) -> None:
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

    async def _verify(self, order: OpenOrder) -> None:
        """Ask about one part, and record all that was answered. Whom the VPS did not tell of holds up no other, and is
        asked about again when the others are through.
        """
        now_ms = self._now_ms()
        question = self._questions.get(order.order_id, Question(order.done_up_to)).taken_up(order)
        fresh = await self._next(order, question.asked_up_to, SETTLED_BY_HAND, PART_ASKED)
        is_over = order.command.now_ms + self._patience_ms <= now_ms
        if not fresh and (is_over or not question.silent):
            if question.silent:
                count = len(question.silent)
                log.warning("[WA_SEND] look-ups given up broadcast_id=%s count=%d", order.campaign_id, count)
            await self._end(order)
            return
        part = fresh or question.due(now_ms, PART_ASKED)
        attempts = await self._described(order, [jid for jid, _ in part])
        findings = await self._inquiry.find(attempts)
        answers = list(zip(attempts, findings, strict=True))
        silent = {attempt.recipient for attempt, finding in answers if isinstance(finding, AskAgain)}
        now_ms = self._now_ms()
        again_at_ms = now_ms + self._ask_again_ms
        question = question.asked(part, silent, again_at_ms)
        if attempts and len(silent) == len(attempts):
            rests_until_ms = again_at_ms
        else:
            rests_until_ms = now_ms if len(fresh) == PART_ASKED else question.next_at_ms or now_ms
        async with batch(self._engine, self._rules, now_ms) as (connection, handling):
            if not await orders.advance(connection, order, question.done_up_to, rests_until_ms):
                return
            await handling.load(connection, [attempt.key for attempt in attempts])
            for attempt, finding in answers:
                if isinstance(finding, Settled) or is_undecided(handling, attempt):
                    self._inquiry.tell(handling, attempt, finding, _cause(order))
            await reports.bring_back(connection, handling)
        self._keep(order, question, now_ms)

    def _keep(self, order: OpenOrder, question: Question, now_ms: int) -> None:
        """Remember how far an order has come; those that others have ended meanwhile are forgotten in the end."""
        kept = {**self._questions, order.order_id: question}
        since_ms = now_ms - self._patience_ms
        self._questions = {
            order_id: one for order_id, one in kept.items() if (one.next_at_ms or 0) > since_ms
        }

    async def _described(self, order: OpenOrder, jids: Sequence[str]) -> list[Sent]:
        """Return the last attempt of each recipient that still stands where it may be asked about."""
        async with self._engine.connect() as connection:
            rows = await recipient_status.load(connection, [(order.campaign_id, jid) for jid in jids])
            [campaign] = await campaign_status.load(connection, [order.campaign_id])
        last = [(row, row.state.attempts[-1]) for row in rows if row.state.status in SETTLED_BY_HAND]
        asked = {
            row.recipient: described(row, attempt.number, campaign.campaign.session_of(attempt.session_id))
            for row, attempt in last
        }
        return [asked[jid] for jid in jids if jid in asked]


def _concerned(command: Retry | Confirm) -> Sequence[str]:
    """Return the statuses of the recipients that an order is about."""
    if isinstance(command, Retry) and not command.include_unconfirmed:
        return FAILED_ALONE
    return SETTLED_BY_HAND


def _cause(order: OpenOrder) -> Cause:
    return Cause(order.correlation, order.causation)
