"""A stream that stores all and says so late: how often it is asked grows with the batches, not with the messages."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count, repeat
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from contracts.streams import BATCH_COMMIT, BATCH_ID, ERROR_BATCH_DUPLICATE, MESSAGE_ID
from support.eventually import eventually
from webhook_gateway.acks import ERROR_BATCH_INCOMPLETE, ERROR_TOO_LARGE, Ack, AckError
from webhook_gateway.batches import Batches, Outcome, Outgoing
from webhook_gateway.broker import BrokerAwayError
from webhook_gateway.spool import Spool
from webhook_gateway.spool_file import SpoolFile, open_spool
from webhook_gateway.spool_queue import SpoolQueue

STREAM = "DELIVERIES"
PATIENCE_SECONDS = 0.05
LATE_SECONDS = 0.2
MAX_GROUP = 100
MAX_BYTES = 50
TOO_MANY = AckError(429, 10167, "too many requests")
NEW_REFUSAL = AckError(418, 19999, "a code that nobody has thought of")


class SlowServer:
    """Stands for the connection to a server that does at once what it is asked for, and answers when `open`."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.requests = 0
        self.open = asyncio.Event()
        self.lost = False
        self.late_seconds = 0.0
        self.refusals: Iterator[AckError | None] = iter(())
        self._begun: dict[str, list[tuple[str, bytes]]] = {}

    async def until_connected(self) -> None:
        """It is always there."""

    def takes(self, _payload: bytes) -> bool:
        return True

    async def publish(self, _subject: str, payload: bytes, headers: dict[str, str]) -> None:
        self._begun.setdefault(headers[BATCH_ID], []).append((headers[MESSAGE_ID], payload))

    async def request(self, subject: str, payload: bytes, headers: dict[str, str], seconds: float) -> bytes:
        self.requests += 1
        refusal = next(self.refusals, None)
        if refusal:
            self._begun.pop(headers.get(BATCH_ID, ""), None)
            ack = Ack(error=refusal)
        elif BATCH_COMMIT in headers:
            await self.publish(subject, payload, headers)
            ack = self._commit(self._begun.pop(headers[BATCH_ID]))
        else:
            ack = self._store(headers[MESSAGE_ID], payload)
        async with asyncio.timeout(seconds):
            await self.open.wait()
            await passed(self.late_seconds)
        if self.lost:
            raise BrokerAwayError
        return msgspec.json.encode(ack)

    def _store(self, name: str, payload: bytes) -> Ack:
        if len(payload) > MAX_BYTES:
            return Ack(error=AckError(400, ERROR_TOO_LARGE, "message size exceeds maximum allowed"))
        if name in self.stored:
            return Ack(duplicate=True)
        self.stored.append(name)
        return Ack()

    def _commit(self, batch: list[tuple[str, bytes]]) -> Ack:
        if any(len(payload) > MAX_BYTES for _, payload in batch):
            return Ack(error=AckError(400, ERROR_BATCH_INCOMPLETE, "atomic publish batch is incomplete"))
        names = [name for name, _ in batch]
        if set(names) & set(self.stored):
            return Ack(error=AckError(400, ERROR_BATCH_DUPLICATE, "duplicate message id"))
        self.stored += names
        return Ack(count=len(batch))


async def passed(seconds: float) -> None:
    """Return when so much time has passed: a server's slowness."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, lambda: over.done() or over.set_result(None))
    await over


@pytest_asyncio.fixture
async def server() -> SlowServer:
    """The server."""
    return SlowServer()


@pytest.fixture
def file(tmp_path: Path) -> SpoolFile:
    """The spool file."""
    return open_spool(tmp_path / "spool.db", 64 << 20, lambda: 7)


@pytest.fixture
def batches(server: SlowServer) -> Batches:
    """What publishes to the server."""
    numbers = count()
    return Batches(server, 10, new_batch_id=lambda: str(next(numbers)))  # type: ignore[arg-type]


class Spooling:
    """Starts a spool on the file and drains it."""

    def __init__(self, batches: Batches, file: SpoolFile, thread: ThreadPoolExecutor) -> None:
        self._make = lambda: Spool(batches, SpoolQueue(STREAM, file, thread), MAX_GROUP, PATIENCE_SECONDS)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> Spool:
        spool = self._make()
        self.tasks.append(asyncio.create_task(spool.run()))
        return spool


@pytest_asyncio.fixture
async def spooling(batches: Batches, file: SpoolFile) -> AsyncIterator[Spooling]:
    """What starts a spool; it is stopped afterwards."""
    with ThreadPoolExecutor(1) as thread:
        spooling = Spooling(batches, file, thread)
        yield spooling
        for task in spooling.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    file.close()


def messages(*numbers: int, size: int = 1) -> list[Outgoing]:
    return [Outgoing(f"id-{number}", "s", b"x" * size) for number in numbers]


def names(*numbers: int) -> list[str]:
    return [message.id for message in messages(*numbers)]


async def stored_by(spool: Spool, group: Sequence[Outgoing], seconds: float = 5) -> list[Outcome | None]:
    return await spool.store(group, asyncio.get_running_loop().time() + seconds)


async def test_a_batch_whose_answer_came_late_is_not_offered_again(server: SlowServer, spooling: Spooling):
    spool = spooling.start()
    groups = [messages(*range(start, start + 100)) for start in range(0, 300, 100)]
    outcomes = await asyncio.gather(*(stored_by(spool, group) for group in groups))
    assert outcomes == [["accepted"] * 100] * 3
    assert spool.held == 300
    server.open.set()
    await eventually(lambda: not spool.held, 10)
    assert (server.requests, server.stored) == (3, names(*range(300)))
    await eventually(lambda: spool.queue.since_ms is None, 10)
    assert await stored_by(spool, messages(300)) == ["accepted"]
    assert server.stored[-1] == "id-300"


async def test_a_stream_that_is_slow_for_ever_is_given_one_batch_after_the_other(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    file.append(STREAM, messages(*range(1000)))
    server.open.set()
    server.late_seconds = LATE_SECONDS
    spool = spooling.start()
    await eventually(lambda: not spool.held, 30)
    assert (server.requests, server.stored) == (10, names(*range(1000)))


async def test_what_comes_between_late_answers_is_stored_in_order_and_batches_stay_few(
    server: SlowServer, spooling: Spooling
):
    server.open.set()
    server.late_seconds = LATE_SECONDS
    spool = spooling.start()
    for start in range(0, 1000, 20):
        assert await stored_by(spool, messages(*range(start, start + 20))) == ["accepted"] * 20
    await eventually(lambda: not spool.held, 30)
    assert server.stored == names(*range(1000))
    assert server.requests <= 50


async def test_nobody_waits_longer_for_a_hand_over_than_for_the_stream(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    file.append(STREAM, messages(*range(150)))
    server.open.set()
    take, held = server.request, asyncio.Event()

    async def request_then_hold(*asked: object, **more: object) -> bytes:
        if server.requests == 1:
            server.open.clear()
            held.set()
        return await take(*asked, **more)  # type: ignore[arg-type]

    server.request = request_then_hold  # type: ignore[method-assign]
    spool = spooling.start()
    await asyncio.wait_for(held.wait(), 10)
    assert await asyncio.wait_for(stored_by(spool, messages(999), 60), 10) == ["accepted"]
    server.open.set()
    await eventually(lambda: not spool.held, 10)
    assert server.stored == names(*range(150), 999)


async def test_a_batch_whose_answer_is_lost_is_offered_again_and_stored_once(
    server: SlowServer, spooling: Spooling
):
    spool = spooling.start()
    assert await stored_by(spool, messages(*range(100))) == ["accepted"] * 100
    server.lost = True
    server.open.set()
    await eventually(lambda: server.requests > 1, 10)
    server.lost = False
    await eventually(lambda: not spool.held, 10)
    assert server.stored == names(*range(100))


async def test_a_duplicate_costs_its_neighbours_a_few_smaller_batches(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    server.stored += names(37)
    server.open.set()
    file.append(STREAM, messages(*range(100)))
    spool = spooling.start()
    await eventually(lambda: not spool.held, 10)
    assert sorted(server.stored) == sorted(names(*range(100)))
    assert server.requests < 35


async def test_a_full_disk_does_not_refuse_what_the_stream_takes_late(
    server: SlowServer, batches: Batches, tmp_path: Path
):
    file = open_spool(tmp_path / "small.db", 1 << 20, lambda: 7)
    with ThreadPoolExecutor(1) as thread:
        file.append("OTHER", messages(0, size=990_000))
        spooling = Spooling(batches, file, thread)
        spool = spooling.start()
        storing = asyncio.create_task(stored_by(spool, [Outgoing("id-1", "s" * 60_000, b"x")]))
        await eventually(lambda: not spool.queue.writable, 10)
        server.open.set()
        assert await storing == ["accepted"]
        assert spool.held == 0
        spooling.tasks[0].cancel()
        await asyncio.gather(*spooling.tasks, return_exceptions=True)
    file.close()


async def test_a_message_that_is_refused_for_good_is_put_aside_and_those_behind_it_go_on(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    server.open.set()
    large = messages(40, size=MAX_BYTES + 1)
    group = [*messages(*range(40)), *large, *messages(*range(41, 100))]
    file.append(STREAM, group)
    spool = spooling.start()
    await eventually(lambda: not spool.held, 10)
    assert server.stored == names(*range(40), *range(41, 100))
    assert (spool.queue.refused, spool.drained) == (1, 99)
    assert await stored_by(spool, [*large, *messages(100)]) == ["accepted", "accepted"]
    await eventually(lambda: not spool.held, 10)
    assert (spool.queue.refused, file.count_refused(STREAM)) == (1, 1)
    assert server.stored[-1] == "id-100"


async def test_a_stream_that_has_too_many_requests_is_offered_the_same_again_in_order(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    server.open.set()
    server.refusals = iter([TOO_MANY] * 2)
    file.append(STREAM, messages(*range(100)))
    spool = spooling.start()
    await eventually(lambda: server.requests == 2, 10)
    assert (spool.held, spool.queue.refused) == (100, 0)
    await eventually(lambda: not spool.held, 10)
    assert server.stored == names(*range(100))
    assert (spool.queue.refused, file.count_refused(STREAM)) == (0, 0)


async def test_a_sender_whose_message_meets_too_many_requests_waits_for_the_next_try(
    server: SlowServer, batches: Batches
):
    server.open.set()
    server.refusals = iter([TOO_MANY])
    deadline = asyncio.get_running_loop().time() + 10
    assert await batches.store(messages(1), deadline) == ["accepted"]


async def test_a_refusal_that_passes_though_it_looks_like_one_for_good_does_not_empty_the_spool(
    server: SlowServer, file: SpoolFile, spooling: Spooling
):
    server.open.set()
    server.refusals = repeat(NEW_REFUSAL)
    file.append(STREAM, messages(*range(100)))
    spool = spooling.start()
    await eventually(lambda: spool.queue.refused, 10)
    await passed(LATE_SECONDS)
    server.refusals = iter(())
    await eventually(lambda: not spool.held, 10)
    assert spool.queue.refused < 10
    assert server.stored == names(*range(spool.queue.refused, 100))


async def test_nobody_waits_for_the_pause_after_a_refusal(
    server: SlowServer, file: SpoolFile, spooling: Spooling, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("webhook_gateway.spool.FIRST_PAUSE_SECONDS", 60)
    server.open.set()
    server.refusals = iter([None, NEW_REFUSAL, NEW_REFUSAL])
    file.append(STREAM, messages(*range(150)))
    spool = spooling.start()
    await eventually(lambda: spool.queue.refused == 1, 10)
    assert await stored_by(spool, messages(150)) == ["accepted"]
    assert (spool.held, server.requests) == (50, 3)
