"""One turn of the sender, in one transaction: record the answers that came in, and start what may leave."""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.wire import SendRequest
from dispatcher import reports
from dispatcher.answers import Answer
from dispatcher.domain import recipient_commands as command
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.campaign import Campaign
from dispatcher.domain.session_decider import Park
from dispatcher.domain.template import filling, render
from dispatcher.handling import Cause, Handling
from dispatcher.projections.rows import RecipientRow
from dispatcher.sending import gate, recording
from dispatcher.sending.claim import Waiting, choose, heads
from dispatcher.sending.flight import Clock, Flight, Ids, Pace
from dispatcher.sending.sessions import HeldSessions
from dispatcher.store import lease

log = logging.getLogger(__name__)


class Turns:
    """Decides turn after turn; remembers which campaign was served when, so that they take turns."""

    def __init__(self, holder: str, pace: Pace, clock: Clock, ids: Ids, sessions: HeldSessions) -> None:
        self._holder = holder
        self._pace = pace
        self._clock = clock
        self._ids = ids
        self._sessions = sessions
        self._served: dict[UUID, int] = {}
        self._starts = 0

    async def decide(
        self,
        connection: AsyncConnection,
        handling: Handling,
        ready: Sequence[str],
        landed: Sequence[tuple[Flight, Answer]],
    ) -> list[Flight]:
        """Record what landed, and return what leaves; the batch is the caller's."""
        sessions = {*ready, *(flight.session_id for flight, _ in landed)}
        held = await lease.confirm(connection, self._holder, sessions)
        self._sessions.drop(sessions - held.keys())
        await handling.load(connection, session_ids=sessions)
        chosen = await self._claim(
            connection, handling, [session_id for session_id in ready if session_id in held]
        )
        current = [
            (flight, answer) for flight, answer in landed if held.get(flight.session_id) == flight.token
        ]
        if len(current) < len(landed):
            log.warning(
                "[WA_SEND] refused late_answers=%d: another worker holds the session",
                len(landed) - len(current),
            )
        keys = [*(head.key for head in chosen), *(flight.key for flight, _ in current)]
        await handling.load(connection, keys)
        for flight, answer in current:
            recording.record(handling, flight.key, flight.session_id, flight.attempt, answer)
        self._break_bursts(handling, held)
        started = [self._start(handling, head, held[head.session_id]) for head in chosen]
        await reports.bring_back(connection, handling)
        return [flight for flight in started if flight is not None]

    async def _claim(
        self, connection: AsyncConnection, handling: Handling, sessions: Sequence[str]
    ) -> list[Waiting]:
        """Choose what leaves, and remember when to look again where nothing does."""
        if not sessions:
            return []
        waiting: dict[str, list[Waiting]] = {session_id: [] for session_id in sessions}
        await gate.count_days(connection, handling, self._sessions.by_id, sessions)
        pace = self._pace
        for head in await heads(connection, sessions, pace.lanes, handling.now_ms, pace.gap_jitter):
            waiting[head.session_id].append(head)
        chosen = []
        for session_id, here in waiting.items():
            held = self._sessions.by_id[session_id]
            opens_at_ms = gate.opens_at(gate.state_of(handling, session_id), held.day, handling.now_ms)
            due = [head for head in here if _sendable(head, opens_at_ms, handling.now_ms)]
            chosen += [head for head in due if head.unsendable]
            sendable = [head for head in due if not head.unsendable]
            first = held.turn(self._pace.high_share)
            chosen += choose(sendable, 1, self._served, first=first)  # lanes share the gap
            held.look = bool(due)
            held.next_due = self._next_due(here, opens_at_ms, handling.now_ms)
        return chosen

    def _next_due(self, here: Sequence[Waiting], opens_at_ms: int | None, now_ms: int) -> float | None:
        if not here or opens_at_ms is gate.NEVER:
            return None
        first_ms = max(opens_at_ms, min(head.due_at_ms for head in here))
        return self._clock.monotonic() + max(0, first_ms - now_ms) / 1000

    def _break_bursts(self, handling: Handling, sessions: Iterable[str]) -> None:
        """Let a session rest where answer after answer told nothing: what is sent now may be lost, or sent twice."""
        for session_id in sessions:
            held = self._sessions.by_id.get(session_id)
            if held and held.unknowns >= self._pace.unknown_burst:
                error = f"{held.unknowns} answers in a row could not be read"
                handling.tell_session(session_id, Park(handling.now_ms, error), Cause(session_id))
                held.unknowns = 0

    def _start(self, handling: Handling, head: Waiting, token: int) -> Flight | None:
        """Record that a send starts; return what is to be sent. Nothing is where an answer of this turn put the
        session to rest.
        """
        session = handling.changes.sessions.get(head.session_id)
        if session and not session.state.may_send(handling.now_ms):
            return None
        if head.unsendable:
            skip = command.Skip(handling.now_ms, head.unsendable)
            handling.tell_recipient(head.key, skip, Cause(str(head.campaign_id)))
            return None
        deadline_ms = handling.now_ms + round(self._pace.deadline_seconds * 1000)
        campaign = handling.changes.campaigns[head.campaign_id].campaign
        moved_to = head.session_id if campaign.first_session_id else None
        ids = self._ids.attempt(), self._ids.message()
        wish = command.StartSend(handling.now_ms, *ids, deadline_ms, moved_to)
        if not handling.tell_recipient(head.key, wish, Cause(str(head.campaign_id))):
            return None
        self._starts += 1
        self._served[head.campaign_id] = self._starts
        row = handling.changes.recipients[head.key]
        attempt = row.state.attempts[-1]
        return Flight(
            head.session_id,
            token,
            head.key,
            attempt.number,
            _request(head.session_id, campaign, row, attempt),
            attempt.idempotency_key or attempt.id,
        )


def _request(session_id: str, campaign: Campaign, row: RecipientRow, attempt: Attempt) -> SendRequest:
    content, state = campaign.content, row.state
    return SendRequest(
        session_id=session_id,
        phone=row.recipient,
        message=render(content.message, filling(row.recipient, row.lead_id, state.fields)),
        media_url=content.media_url,
        media_type=content.media_type,  # type: ignore[arg-type]  # checked when the campaign was accepted
        client_ref=attempt.id,
        message_id=attempt.message_id,
    )


def _sendable(head: Waiting, opens_at_ms: int | None, now_ms: int) -> bool:
    return opens_at_ms is not gate.NEVER and max(opens_at_ms, head.due_at_ms) <= now_ms
