"""Sessions: their states, and what a session is that nobody has set up."""

from hashlib import blake2b

import msgspec

from local_stack.simulator.knobs import Knobs

CONNECTED = "connected"
DISCONNECTED = "disconnected"


class Session(msgspec.Struct, kw_only=True):
    """One session; `status` may be any word. `reconnects` counts the ids that came after its own."""

    session_id: str
    status: str = CONNECTED
    phone_number: str | None = None
    reconnects: int = 0


class Sessions:
    """All sessions that were set up, used or connected."""

    def __init__(self) -> None:
        self.by_id: dict[str, Session] = {}
        self.gone: set[str] = set()

    def clear(self) -> None:
        """Forget all."""
        self.by_id.clear()
        self.gone.clear()

    def find(self, session_id: str, knobs: Knobs) -> Session | None:
        """Return a session; an unknown one springs up connected unless the knobs say that it is missing."""
        session = self.by_id.get(session_id)
        if session is None and knobs.unknown_sessions == CONNECTED and session_id not in self.gone:
            session = self.by_id[session_id] = Session(
                session_id=session_id, phone_number=phone_of(session_id)
            )
        return session

    def put(self, session_id: str, status: str, phone_number: str | None = None) -> Session:
        """Set a session's state; a phone number that is not given stays."""
        self.gone.discard(session_id)
        session = self.by_id.setdefault(
            session_id, Session(session_id=session_id, phone_number=phone_of(session_id))
        )
        session.status = status
        session.phone_number = phone_number or session.phone_number
        return session

    def connect(self, session_id: str, knobs: Knobs) -> Session:
        """Connect a session. With `new_session_id` one that was there goes, and comes back under a new id."""
        old = self.by_id.get(session_id)
        if old is None or not knobs.new_session_id:
            return self.put(session_id, CONNECTED)
        del self.by_id[session_id]
        self.gone.add(session_id)
        stem = session_id.rpartition("-r")[0] or session_id
        new = self.put(f"{stem}-r{old.reconnects + 1}", CONNECTED, old.phone_number)
        new.reconnects = old.reconnects + 1
        return new


def phone_of(session_id: str) -> str:
    """Return a made-up phone number (digits) that always belongs to this session id."""
    digest = blake2b(session_id.encode(), digest_size=8).digest()
    return f"91{int.from_bytes(digest, 'big') % 10**10:010d}"
