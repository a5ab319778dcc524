"""The server's word that it skips a message from now on, after `max_deliver` deliveries in vain: the message is parked.

It is stored in DEAD before it leaves its own NATS stream, and the advisory is acknowledged last: a crash between two
of these repeats them.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from contracts import streams
from dispatcher.broker import Publisher
from dispatcher.consumers.parked import WORK_QUEUES, Found, park

log = logging.getLogger(__name__)

WATCHED = {durable.name: durable for durable in (streams.DISPATCHER_COMMANDS, streams.DISPATCHER_DELIVERIES)}
"""What lies in DEAD and ADVISORIES stays there, whatever becomes of it; other durables are not ours."""


class Advisory(msgspec.Struct, frozen=True):
    """Which message of which NATS stream the server gave up for which durable."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int


decode: Callable[[bytes], Advisory] = msgspec.json.Decoder(Advisory).decode
"""Returns the advisory in a message."""


class Advisories(msgspec.Struct, frozen=True):
    """Parks what the server gave up."""

    jetstream: JetStreamContext
    publisher: Publisher

    async def handle(self, advisories: Sequence[Advisory]) -> None:
        """Park the messages of some advisories, one after the other."""
        for advisory in advisories:
            if advisory.consumer in WATCHED:
                await self._park(advisory)
            else:
                log.error(
                    "durable=%s of %s gave message %d up; it stays there",
                    advisory.consumer,
                    advisory.stream,
                    advisory.stream_seq,
                )

    async def _park(self, advisory: Advisory) -> None:
        try:
            message = await self.jetstream.get_msg(advisory.stream, advisory.stream_seq)
        except NotFoundError:
            log.warning(
                "stream=%s message %d is gone: parked or acknowledged", advisory.stream, advisory.stream_seq
            )
            return
        found = Found(
            advisory.stream,
            advisory.stream_seq,
            message.subject or "",
            advisory.consumer,
            message.data or b"",
            message.headers or {},
        )
        reason = f"delivered {advisory.deliveries} times in vain"
        whole = await park(self.publisher, found, reason, "undelivered")
        log.error("durable=%s subject=%s parked: %s", advisory.consumer, found.subject, reason)
        if whole and advisory.stream in WORK_QUEUES:
            await self.jetstream.delete_msg(advisory.stream, advisory.stream_seq)
