"""A sender that a test moves on step by step, and callers that stand where the VPS would."""

import asyncio
from collections.abc import Awaitable, Callable

from contracts.wire import SendRequest
from dispatcher.answers import Accepted, Answer
from dispatcher.sending.flight import Caller, Pace
from dispatcher.sending.sender import Sender
from support.dispatching import RULES, Bed

Look = Callable[[SendRequest], Awaitable[None]]


class Recorder:
    """Takes note of each call; `answers` holds what is answered about a recipient, where it is not `answer`."""

    def __init__(self, answer: Answer | None = None, look: Look | None = None) -> None:
        self.answer = answer or Accepted()
        self.answers: dict[str, Answer] = {}
        self.requests: list[SendRequest] = []
        self.keys: list[str] = []
        self._look = look

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Take a message, and look at the world if asked to."""
        self.requests.append(request)
        self.keys.append(idempotency_key)
        if self._look:
            await self._look(request)
        return self.answers.get(request.phone, self.answer)

    @property
    def called(self) -> list[str]:
        """To whom, in order."""
        return [request.phone for request in self.requests]


class Slow(Recorder):
    """Answers only when told to."""

    def __init__(self, answer: Answer | None = None) -> None:
        super().__init__(answer)
        self.was_called = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Take a message and think about it."""
        answer = await super().send(request, idempotency_key)
        self.was_called.set()
        await self.may_answer.wait()
        return answer


def new_sender(
    bed: Bed, caller: Caller, holder: str = "one", *, gap_seconds: float = 0.5, lanes: int = 1
) -> Sender:
    """Return a sender on the bed's database and clock."""
    pace = Pace(gap_seconds, lanes, deadline_seconds=300, lease_seconds=30, sweep_seconds=30)
    return Sender(bed.engine, RULES, caller, pace, bed.clock.both, bed.ids, holder)


async def step(sender: Sender) -> None:
    """Let the sender go once round its loop: record what came in, start what may leave. Calls are not waited for."""
    sender.wake()
    await sender._keep_leases()
    await sender._turn(claiming=True)
    await asyncio.sleep(0)


async def land(sender: Sender) -> None:
    """Wait until the calls in flight have their answers, and record them; nothing new starts."""
    if sender._calls:
        await asyncio.wait(set(sender._calls), timeout=10)
    await sender._turn(claiming=False)


async def rounds(bed: Bed, sender: Sender, count: int) -> None:
    """Let the sender work through so many gaps."""
    for _ in range(count):
        await step(sender)
        await land(sender)
        bed.clock.advance(sender._pace.gap_seconds)
