"""Keeps the broker's wait for acknowledgements short: the dispatchers set it to the contract's half minute when they
start, and a fault that is longer than that would make a run take hours.
"""

import asyncio
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import Error as JetStreamError

from contracts.streams import DURABLES
from local_stack.fault.broker import connected
from local_stack.fault.kinds import ACK_WAIT_SECONDS

ROUND_SECONDS = 0.5
ANSWER_SECONDS = 2.0


async def keep_short(nats_url: str) -> None:
    """Set the wait again and again, until cancelled."""
    while True:
        with suppress(NatsError, JetStreamError, OSError, TimeoutError):
            await _follow(nats_url)
        await asyncio.sleep(ROUND_SECONDS)


async def _follow(nats_url: str) -> None:
    async with connected(nats_url) as client:
        jetstream = client.jetstream(timeout=ANSWER_SECONDS)
        while client.is_connected:
            for durable in DURABLES:
                config = (await jetstream.consumer_info(durable.stream, durable.name)).config
                if config.ack_wait != ACK_WAIT_SECONDS:
                    await jetstream.add_consumer(durable.stream, _with_short_wait(config))
            await asyncio.sleep(ROUND_SECONDS)


def _with_short_wait(config: ConsumerConfig) -> ConsumerConfig:
    return config.evolve(ack_wait=ACK_WAIT_SECONDS)
