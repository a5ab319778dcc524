"""The way from the spool to the stream outlives what goes wrong on it: nothing else empties the spool."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from support.eventually import eventually
from webhook_gateway.batches import Outcome, Outgoing, Taken
from webhook_gateway.broker import Broker, BrokerAwayError
from webhook_gateway.spool import Spool
from webhook_gateway.spool_file import open_spool
from webhook_gateway.spool_queue import SpoolQueue

URL = "nats://127.0.0.1:1"


class Closed:
    """A NATS client whose connection goes while it is used: uvloop says so in its own way."""

    is_connected = True

    async def request(self, *_: object, **__: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    publish = request


@pytest_asyncio.fixture
async def broker() -> Broker:
    """A broker whose connection has just closed."""
    broker = Broker(URL)
    broker._client = Closed()  # type: ignore[assignment]
    return broker


async def test_a_connection_that_closes_under_a_request_counts_as_away(broker: Broker):
    with pytest.raises(BrokerAwayError):
        await broker.request("s", b"", {}, 1)


async def test_a_connection_that_closes_under_a_publish_counts_as_away(broker: Broker):
    with pytest.raises(BrokerAwayError):
        await broker.publish("s", b"", {})


class Stubborn:
    """A stream that takes nothing directly, fails as nobody thought of, and then takes what it is offered."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failures = 2

    async def until_connected(self) -> None:
        """It is always there."""

    async def offer(self, group: Sequence[Outgoing]) -> list[Outcome | None]:
        return [None] * len(group)

    async def offer_in_order(self, group: Sequence[Outgoing]) -> Taken:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        self.taken += [message.id for message in group]
        return Taken(len(group))


@pytest_asyncio.fixture
async def stream() -> Stubborn:
    """The stream behind the spool."""
    return Stubborn()


@pytest_asyncio.fixture
async def spool(tmp_path: Path, stream: Stubborn) -> AsyncIterator[Spool]:
    """A spool that is being drained."""
    file = open_spool(tmp_path / "spool.db", 4 << 20, lambda: 7)
    with ThreadPoolExecutor(1) as thread:
        spool = Spool(stream, SpoolQueue("DELIVERIES", file, thread), 100, 1)
        draining = asyncio.create_task(spool.run())
        yield spool
        draining.cancel()
        with suppress(asyncio.CancelledError):
            await draining
    file.close()


async def test_a_failure_that_nobody_thought_of_does_not_end_the_draining(spool: Spool, stream: Stubborn):
    group = [Outgoing(f"id-{number}", "s", b"x") for number in range(3)]
    deadline = asyncio.get_running_loop().time() + 5
    assert await spool.store(group, deadline) == ["accepted"] * 3
    await eventually(lambda: not spool.held, 10)
    assert stream.taken == ["id-0", "id-1", "id-2"]
    assert stream.failures == 0
