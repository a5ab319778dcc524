"""Reads what a NATS stream holds, whole and in its order, and leaves it there."""

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

BATCH = 1000
FETCH_SECONDS = 10


async def read_all(client: Client, stream: str, subject: str = ">") -> list[Msg]:
    """Return all messages that a NATS stream holds on a subject. Raises RuntimeError when it does not give them all."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, filter_subject=subject
    )
    reader = await client.jetstream().pull_subscribe(subject, stream=stream, config=config)
    found: list[Msg] = []
    try:
        pending = (await reader.consumer_info()).num_pending or 0
        while len(found) < pending:
            found += await reader.fetch(min(BATCH, pending - len(found)), timeout=FETCH_SECONDS)
    except TimeoutError:  # nats-py raises its own, which is one too, or the plain one
        raise RuntimeError(f"{stream} gave {len(found)} messages and no more") from None
    finally:
        await reader.unsubscribe()
    return found
