"""What is due on which session: one statement for many sessions, and the choice among campaigns."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.backoff import draw_of
from dispatcher.projections.group_directory import reason
from dispatcher.store.stream_names import Key


class Waiting(msgspec.Struct, frozen=True):
    """A message at the head of its campaign's queue, due or not: not before the campaign's own gap is over.
    `unsendable` says why it cannot be sent.
    """

    session_id: str
    campaign_id: UUID
    recipient: str
    due_at_ms: int
    priority: str
    unsendable: str | None

    @property
    def key(self) -> Key:
        """Its campaign and its JID."""
        return self.campaign_id, self.recipient


_HEADS = text("""
    SELECT c.session_id, c.campaign_id, q.recipient, q.due_at_ms, c.priority,
           p.group_jid IS NOT NULL, g.state->>'refusal', c.delay_ms, l.started_at_ms, l.attempt_id::text
    FROM campaign_status c
    CROSS JOIN LATERAL (
        SELECT q.recipient, q.due_at_ms FROM send_queue q
        WHERE q.campaign_id = c.campaign_id AND NOT EXISTS (
            SELECT 1 FROM open_attempts a
            WHERE a.in_flight AND a.session_id = c.session_id AND a.recipient = q.recipient)
        ORDER BY q.due_at_ms, q.position LIMIT :lanes
    ) q
    LEFT JOIN LATERAL (
        SELECT a.started_at_ms, a.attempt_id FROM attempts a
        WHERE c.delay_ms > 0 AND a.session_id = c.session_id AND a.campaign_id = c.campaign_id
          AND a.started_at_ms > CAST(:now_ms AS bigint)
                                - CAST(c.delay_ms * CAST(:widest AS double precision) AS bigint)
        ORDER BY a.started_at_ms DESC LIMIT 1
    ) l ON true
    LEFT JOIN community_parents p ON p.session_id = c.session_id AND p.group_jid = q.recipient
    LEFT JOIN group_directory g ON g.session_id = c.session_id AND g.group_jid = q.recipient
                               AND g.state ? 'refused_at_ms'
    WHERE c.session_id = ANY(CAST(:sessions AS text[]))
      AND c.status IN ('queued', 'running') AND c.queued > 0
""")


async def heads(
    connection: AsyncConnection, sessions: Sequence[str], lanes: int, now_ms: int, jitter: float
) -> list[Waiting]:
    """Return the first messages of each campaign on these sessions, due or not, that nothing blocks. A campaign with a
    gap of its own waits that long behind its last message, and by chance up to `jitter` of it longer; others do not.
    """
    given = {"sessions": list(sessions), "lanes": lanes, "now_ms": now_ms, "widest": 1 + jitter}
    return [_waiting(jitter, *row) for row in await connection.execute(_HEADS, given)]


def _waiting(
    jitter: float,
    session_id: str,
    campaign_id: UUID,
    recipient: str,
    due_at_ms: int,
    priority: str,
    is_parent: object,
    refusal: str | None,
    delay_ms: int,
    last_at_ms: int | None,
    last_id: str | None,
) -> Waiting:
    if last_at_ms is not None:
        rests_ms = round(delay_ms * (1 + jitter * draw_of(last_id or "")))
        due_at_ms = max(due_at_ms, last_at_ms + rests_ms)
    unsendable = _unsendable(is_parent, refusal)
    return Waiting(session_id, campaign_id, recipient, due_at_ms, priority, unsendable)


def _unsendable(is_parent: object, refusal: str | None) -> str | None:
    if is_parent:
        return reason(None)
    return None if refusal is None else reason(refusal)


def choose(
    waiting: Iterable[Waiting], free: int, served: dict[UUID, int], *, first: str = "high"
) -> list[Waiting]:
    """Return the messages of one session that leave now, at most `free`: the priority `first` goes first, then the
    campaign that was served least recently (`served` holds a growing number per campaign), then what is due longest.
    """
    order = sorted(
        waiting,
        key=lambda head: (head.priority != first, served.get(head.campaign_id, 0), head.due_at_ms),
    )
    chosen: dict[str, Waiting] = {}
    for head in order:
        if len(chosen) < free:
            chosen.setdefault(head.recipient, head)
    return list(chosen.values())
