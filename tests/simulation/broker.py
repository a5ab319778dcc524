"""A broker that keeps every report until it is acknowledged, and otherwise does what brokers do: it delivers late,
twice, in another order, again after a lost acknowledgement; and stores what its publisher believes lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from types import SimpleNamespace

import msgspec

from contracts.delivery import Report

ACK_WAIT_SECONDS = 10.0
BATCH = 20


class BrokerFaults(msgspec.Struct, frozen=True):
    """How often each thing happens; `delay_seconds` is how late a message may come at the most."""

    delayed: float = 0.0
    delay_seconds: float = 0.0
    doubled: float = 0.0
    ack_lost: float = 0.0
    timed_out_but_stored: float = 0.0


class Message:
    """A stored message, as nats-py hands it over."""

    def __init__(self, broker: "Broker", data: bytes, number: int) -> None:
        self._broker = broker
        self.data = data
        self.subject = "wa.delivery"
        self.number = number
        self.delivered = 0
        self.settled = False
        self.due_at = 0.0

    @property
    def metadata(self) -> SimpleNamespace:
        """How often it was delivered, and where it stands."""
        sequence = SimpleNamespace(stream=self.number)
        return SimpleNamespace(num_delivered=self.delivered, sequence=sequence, stream="DELIVERIES")

    async def ack(self) -> None:
        """Settle it, unless the acknowledgement is lost: then it comes again."""
        self.settled = not self._broker.loses_ack()

    async def nak(self, delay: float) -> None:
        """Let it come again later."""
        self.due_at = self._broker.seconds() + delay

    async def term(self) -> None:
        """Settle it for good."""
        self.settled = True


class Broker:
    """Delivers what is published to one consumer, batch by batch."""

    def __init__(self, faults: BrokerFaults, random: Random) -> None:
        self.faults = faults
        self.published: dict[str, Report] = {}
        self._random = random
        self._waiting: list[Message] = []
        self._numbers = 0
        self._news = asyncio.Event()

    @staticmethod
    def seconds() -> float:
        """Return the time, by the virtual clock."""
        return asyncio.get_running_loop().time()

    def loses_ack(self) -> bool:
        """Tell whether an acknowledgement is lost now."""
        return self._random.random() < self.faults.ack_lost

    @property
    def quiet(self) -> bool:
        """Everything that was published was taken."""
        return not self._waiting

    def publish(self, report: Report) -> None:
        """Store a report, perhaps more than once."""
        self.published[report.id] = report
        copies = 1 + (self._random.random() < self.faults.doubled)
        copies += self._random.random() < self.faults.timed_out_but_stored
        for _ in range(copies):
            self._numbers += 1
            message = Message(self, msgspec.json.encode(report), self._numbers)
            late = self._random.random() < self.faults.delayed
            width = self.faults.delay_seconds if late else 0.2
            message.due_at = self.seconds() + self._random.random() * width
            self._waiting.append(message)
        self._news.set()

    async def deliver(self, take: Callable[[Sequence[Message]], Awaitable[None]]) -> None:
        """Deliver for ever."""
        while True:
            self._news.clear()
            self._waiting = [message for message in self._waiting if not message.settled]
            due = sorted((m for m in self._waiting if m.due_at <= self.seconds()), key=lambda m: m.due_at)[
                :BATCH
            ]
            if not due:
                await self._rest()
                continue
            for message in due:
                message.delivered += 1
                message.due_at = self.seconds() + ACK_WAIT_SECONDS
            await take(due)

    async def _rest(self) -> None:
        if not self._waiting:
            await self._news.wait()
            return
        pause = min(message.due_at for message in self._waiting) - self.seconds()
        try:
            await asyncio.wait_for(self._news.wait(), max(0.0, pause))
        except TimeoutError:
            return
