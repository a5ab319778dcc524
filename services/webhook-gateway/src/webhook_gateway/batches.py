"""Batches: a group of messages → the NATS stream, with the stream's own word that each one is stored.

A larger group goes out as one atomic batch (NATS ADR-50): one fsync instead of one per message. The server
refuses a batch as a whole, for instance when it holds an id that the stream already has; then its messages go out
in smaller batches or one by one. A message keeps its id through it all: it is stored once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from contracts.streams import MESSAGE_ID, batch_headers
from webhook_gateway.acks import (
    NO_ANSWER,
    ONE_IS_AT_FAULT,
    OVER_MAX_PAYLOAD,
    Ack,
    AckError,
    is_final,
    is_for_good,
    is_stored,
)
from webhook_gateway.broker import Broker, BrokerAwayError

log = logging.getLogger(__name__)

Outcome = Literal["accepted", "duplicate", "conflict"]
"""What became of a message: stored; the same is stored; another is stored under its id (told by its mark)."""

MIN_BATCH = 16
"""The smallest group that goes as an atomic batch. A batch by itself costs the server some 4 ms, a lone message
0.4 ms (measured with nats-server 2.15 and `sync_interval: always`); they meet between 8 and 32."""
PAUSE_SECONDS = 0.2
"""Between two tries of one message while the stream does not answer."""
ATTEMPTS_IN_TIME = 3
"""How many timed-out tries fit in the time that a message has."""


class NotStoredError(Exception):
    """Nothing durable could be written in time."""


class Outgoing(msgspec.Struct, frozen=True):
    """A message on its way out: its id, its subject, its bytes. Two of one id that do not say the same differ in
    their `mark`.
    """

    id: str
    subject: str
    payload: bytes
    mark: bytes = b""


class Taken(msgspec.Struct, frozen=True):
    """How many messages of a group the stream has, from the first on; `refusal` says why it will never take the
    next one, None that it did not acknowledge it now.
    """

    count: int
    refusal: str | None = None


_ACK = msgspec.json.Decoder(Ack)


def _outcome(ack: Ack) -> Outcome | None:
    """Return what became of a message that was published by itself; what the stream refuses for good is logged."""
    if ack.error is None:
        return "duplicate" if ack.duplicate else "accepted"
    if is_final(ack.error):
        log.error("refused by the stream: %s", ack.error.description, extra={"code": ack.error.err_code})
    return None


def _refusal(ack: Ack) -> str | None:
    """Return why the stream will never take a message; None if it may yet."""
    return ack.error.description if ack.error and is_for_good(ack.error) else None


class Batches:
    """Stores groups of messages in NATS streams. `attempt_seconds` is how long one answer is waited for."""

    def __init__(self, broker: Broker, attempt_seconds: float, new_batch_id: Callable[[], str]) -> None:
        self._broker = broker
        self._attempt_seconds = attempt_seconds
        self._new_batch_id = new_batch_id
        self.stored = 0
        self.refused = 0

    async def store(self, group: Sequence[Outgoing], deadline: float) -> list[Outcome | None]:
        """Return what became of each message, in order; None: not stored by `deadline` (the loop's time)."""
        outcomes: list[Outcome | None] = [None] * len(group)
        try:
            async with asyncio.timeout_at(deadline):
                await self._broker.until_connected()
                if len(group) >= MIN_BATCH and is_stored(await self._offer_batch(group)):
                    return ["accepted"] * len(group)
                await self._store_each(group, outcomes)
        except TimeoutError:
            log.warning("not stored in time", extra={"messages": outcomes.count(None)})
        return outcomes

    async def until_connected(self) -> None:
        """Return once there is a connection to NATS."""
        await self._broker.until_connected()

    async def offer(self, group: Sequence[Outgoing]) -> list[Outcome | None]:
        """Try each message once; return what became of it, in order. None: the stream did not acknowledge it."""
        if len(group) >= MIN_BATCH:
            ack = await self._offer_batch(group)
            if is_stored(ack):
                return ["accepted"] * len(group)
            if ack is NO_ANSWER:
                return [None] * len(group)
        return list(await asyncio.gather(*map(self._offer_one, group)))

    async def offer_in_order(self, group: Sequence[Outgoing]) -> Taken:
        """Try messages all at once, or one after the other, up to the first that the stream does not take."""
        if len(group) >= MIN_BATCH:
            ack = await self._offer_batch(group)
            if ack.error is None:
                return Taken(len(group))
            if ack is NO_ANSWER:
                return Taken(0)
            if ack.error.err_code in ONE_IS_AT_FAULT:
                return await self._offer_halves(group)
        for place, message in enumerate(group):
            ack = await self._ask(message, {MESSAGE_ID: message.id})
            if _outcome(ack) is None:
                return Taken(place, _refusal(ack))
        return Taken(len(group))

    async def _offer_halves(self, group: Sequence[Outgoing]) -> Taken:
        half = len(group) // 2
        first = await self.offer_in_order(group[:half])
        if first.count < half:
            return first
        second = await self.offer_in_order(group[half:])
        return Taken(half + second.count, second.refusal)

    async def _offer_batch(self, group: Sequence[Outgoing]) -> Ack:
        """Publish an atomic batch; return the stream's answer. Only its last message is answered."""
        batch_id, size = self._new_batch_id(), len(group)
        if not all(self._broker.takes(message.payload) for message in group):
            return OVER_MAX_PAYLOAD
        try:
            for sequence, message in enumerate(group[:-1], start=1):
                headers = batch_headers(batch_id, sequence, size, message.id)
                await self._broker.publish(message.subject, message.payload, headers)
        except BrokerAwayError:
            return NO_ANSWER
        ack = await self._ask(group[-1], batch_headers(batch_id, size, size, group[-1].id))
        if ack.error is None and ack.count != size:
            ack = Ack(error=AckError(description="not all were counted"))
        if ack.error is None:
            self.stored += 1
        else:
            self._note_refusal(ack.error, size)
        return ack

    def _note_refusal(self, error: AckError, size: int) -> None:
        self.refused += 1
        level = logging.DEBUG if error.err_code in ONE_IS_AT_FAULT else logging.WARNING
        log.log(
            level, "batch refused: %s", error.description, extra={"messages": size, "code": error.err_code}
        )

    async def _store_each(self, group: Sequence[Outgoing], outcomes: list[Outcome | None]) -> None:
        async def store_at(place: int, message: Outgoing) -> None:
            outcomes[place] = await self._store_one(message)

        async with asyncio.TaskGroup() as tasks:
            for place, message in enumerate(group):
                tasks.create_task(store_at(place, message))

    async def _store_one(self, message: Outgoing) -> Outcome | None:
        """Try until the stream takes the message or refuses it for good (None); the caller keeps the time."""
        while True:
            ack = await self._ask(message, {MESSAGE_ID: message.id})
            if ack.error is None or is_final(ack.error):
                return _outcome(ack)
            await asyncio.sleep(PAUSE_SECONDS)
            await self._broker.until_connected()

    async def _offer_one(self, message: Outgoing) -> Outcome | None:
        return _outcome(await self._ask(message, {MESSAGE_ID: message.id}))

    async def _ask(self, message: Outgoing, headers: dict[str, str]) -> Ack:
        """Publish and return the stream's answer; silence and an absent broker are errors that pass."""
        if not self._broker.takes(message.payload):
            return OVER_MAX_PAYLOAD
        try:
            answer = await self._broker.request(
                message.subject, message.payload, headers, seconds=self._attempt_seconds
            )
            return _ACK.decode(answer)
        except (TimeoutError, BrokerAwayError, msgspec.DecodeError):
            return NO_ANSWER
