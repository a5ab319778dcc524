"""What a NATS stream holds is read whole, and an empty one is not waited for."""

import nats
import pytest

from contracts.streams import DEAD
from dispatcher import broker
from dispatcher.broker import Outgoing
from local_stack.nats_reading import BATCH, read_all


@pytest.mark.parametrize("count", [0, 1, 2 * BATCH + 1])
async def test_all_that_a_stream_holds_is_read_in_its_order(nats_url: str, count: int):
    async with await nats.connect(nats_url) as client:
        await broker.set_up(client.jetstream())
        bodies = [b"%d" % number for number in range(count)]
        subject = f"wa.dead.test.{count}"
        await broker.Publisher(client).publish(
            [Outgoing(subject, body, f"{subject}.{body}") for body in bodies]
        )
        found = await read_all(client, DEAD.name, subject)
    assert [message.data for message in found] == bodies
