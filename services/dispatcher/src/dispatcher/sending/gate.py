"""Whether a session is open now: its health, its quiet hours, its cap for the day. The cap is counted in memory by the
one that holds the session; what left before it held it comes from the attempts.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.session import UNKNOWN, Session
from dispatcher.handling import Handling
from dispatcher.limits import Day, day_of, opens_at_ms
from dispatcher.projections import days
from dispatcher.sending.sessions import HeldSession

NEVER: Final = None
"""Only somebody's word opens it."""


async def count_days(
    connection: AsyncConnection, handling: Handling, held: dict[str, HeldSession], sessions: Collection[str]
) -> None:
    """Know how many messages left today, for the sessions that have a cap and begin a day, or a lease."""
    begun: dict[str, Day] = {}
    for session_id in sessions:
        limits = state_of(handling, session_id).limits
        known = held[session_id].day
        if limits.daily_cap is not None:
            day = day_of(limits, handling.now_ms)
            if known is None or (known.start_ms, known.end_ms) != (day.start_ms, day.end_ms):
                begun[session_id] = day
    if not begun:
        return
    sent = await days.sent_since(connection, {session_id: day.start_ms for session_id, day in begun.items()})
    for session_id, day in begun.items():
        held[session_id].day = Day(day.start_ms, day.end_ms, sent.get(session_id, 0))


def state_of(handling: Handling, session_id: str) -> Session:
    """Return the state of a session that is loaded."""
    row = handling.changes.sessions.get(session_id)
    return row.state if row else UNKNOWN


def opens_at(session: Session, day: Day | None, now_ms: int) -> int | None:
    """Return when messages may leave through a session, in epoch ms: not after now if they may; `NEVER` when only
    somebody's word opens it.
    """
    if session.shut:
        return NEVER
    return max(session.parked_until_ms or 0, opens_at_ms(session.limits, day, now_ms))
