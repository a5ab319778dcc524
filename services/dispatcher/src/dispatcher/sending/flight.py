"""What a sender is handed: a pace, clocks, ids and somebody to call; and a message on its way."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from contracts.wire import SendRequest
from dispatcher.answers import Answer
from dispatcher.store.stream_names import Key


class Caller(Protocol):
    """Whoever hands a message over: the VPS's client, or nobody when sending is switched off."""

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Hand one message over."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """How fast a session may go. `lanes`: calls at once; `gap_seconds`: least time between two starts; after
    `unknown_burst` answers in a row that nobody could read it rests. Of `high_share` messages one is kept for normal
    priority. `gap_jitter`: the gap is longer by up to this part.
    """

    gap_seconds: float = 0.5
    lanes: int = 1
    deadline_seconds: float = 300
    lease_seconds: float = 30
    sweep_seconds: float = 30
    unknown_burst: int = 5
    high_share: int = 5
    gap_jitter: float = 0.0


class Clock(msgspec.Struct, frozen=True):
    """The two clocks: wall time in epoch ms for what is recorded, monotonic seconds for what is waited for."""

    now_ms: Callable[[], int]
    monotonic: Callable[[], float]


class Ids(msgspec.Struct, frozen=True):
    """Where fresh ids come from."""

    attempt: Callable[[], str]
    message: Callable[[], str]


class Flight(msgspec.Struct, frozen=True):
    """A message on its way."""

    session_id: str
    token: int
    key: Key
    attempt: int
    request: SendRequest
    idempotency_key: str
