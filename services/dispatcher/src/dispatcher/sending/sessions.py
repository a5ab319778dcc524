"""What the sender remembers of each session that it holds: its lease, its pace, its lanes. In memory alone."""

from collections.abc import Iterable

import msgspec

from dispatcher.limits import Day


class HeldSession(msgspec.Struct):
    """A session under our lease. Times are seconds of the monotonic clock.

    `look`: there may be something due. `next_due` is when the next message is due that was not due when we looked.
    `day` counts what left today, where there is a cap; `unknowns` the answers in a row that nobody could read;
    `highs` the messages of high priority that left in a row. `leaving`: another replica shall serve it.
    """

    token: int
    valid_until: float
    ready_at: float = 0.0
    in_flight: int = 0
    look: bool = True
    next_due: float | None = None
    day: Day | None = None
    unknowns: int = 0
    highs: int = 0
    leaving: bool = False

    def turn(self, high_share: int) -> str:
        """Return the priority whose turn it is: of `high_share` messages one is kept for normal priority."""
        return "normal" if self.highs >= high_share - 1 else "high"

    def note(self, priority: str) -> None:
        """Remember the priority of a message that leaves."""
        self.highs = self.highs + 1 if priority == "high" else 0

    def count(self) -> Day | None:
        """Remember that a message leaves; return the day that it counts for."""
        if self.day is not None:
            self.day = msgspec.structs.replace(self.day, sent=self.day.sent + 1)
        return self.day

    def discount(self, day: Day | None) -> None:
        """Take back a message that counted for a day and was not taken; what another day counts stays."""
        if self.day is not None and day is not None and self.day.start_ms == day.start_ms:
            self.day = msgspec.structs.replace(self.day, sent=max(0, self.day.sent - 1))

    def may_send(self, now: float, lanes: int) -> bool:
        """Tell whether it is worth looking for a message."""
        if self.leaving:
            return False
        if self.next_due is not None and self.next_due <= now:
            self.look = True
        return self.look and self.in_flight < lanes and self.ready_at <= now < self.valid_until

    def wakes_at(self, lanes: int) -> float | None:
        """Return when to look again; None when only an event can bring work."""
        if self.leaving or self.in_flight >= lanes:
            return None
        return self.ready_at if self.look else self.next_due


class HeldSessions:
    """All sessions that this process serves."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.by_id: dict[str, HeldSession] = {}

    def keep(self, tokens: dict[str, int], valid_until: float) -> None:
        """Hold exactly the sessions of `tokens`; one whose token changed starts anew."""
        self.drop(self.by_id.keys() - tokens.keys())
        self.add(tokens, valid_until)

    def add(self, tokens: dict[str, int], valid_until: float, ready_at: float = 0.0) -> None:
        """Hold these sessions too, until their lease expires."""
        for session_id, token in tokens.items():
            held = self.by_id.get(session_id)
            if held is None or held.token != token:
                self.by_id[session_id] = HeldSession(token, valid_until, ready_at)
            else:
                held.valid_until = valid_until

    def drop(self, session_ids: Iterable[str]) -> None:
        """Others may serve these sessions now."""
        for session_id in session_ids:
            self.by_id.pop(session_id, None)

    def let_go(self, session_ids: Iterable[str]) -> None:
        """Send nothing more through these sessions, and through all others again."""
        leaving = set(session_ids)
        for session_id, held in self.by_id.items():
            held.leaving = session_id in leaving

    def idle_leaving(self) -> set[str]:
        """Return the sessions that shall go to others and have no call in flight."""
        return {session_id for session_id, held in self.by_id.items() if held.leaving and not held.in_flight}

    def look(self, session_id: str) -> bool:
        """There may be work on this session; return whether it is held."""
        held = self.by_id.get(session_id)
        if held is not None:
            held.look = True
        return held is not None

    def look_everywhere(self) -> None:
        """There may be work on any session."""
        for held in self.by_id.values():
            held.look = True

    def ready(self, now: float) -> list[str]:
        """Return the sessions that may send now."""
        return [session_id for session_id, held in self.by_id.items() if held.may_send(now, self.lanes)]

    def wakes_at(self) -> float | None:
        """Return when the next session may have something to do; None when only an event can bring work."""
        return min(
            (at for held in self.by_id.values() if (at := held.wakes_at(self.lanes)) is not None),
            default=None,
        )
