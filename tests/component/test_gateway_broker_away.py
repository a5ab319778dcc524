"""The gateway without its broker and without a spool: it starts, says 503 in time, and recovers by itself."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from contracts.streams import DELIVERIES
from local_stack.nats_server import NatsServer
from support.eventually import eventually
from support.gateway import Gateway, make_stream, running_gateway, stored_reports

SECONDS = 3.0


def callback() -> dict[str, object]:
    return {"event": "read", "sessionId": "wa_x", "messageId": uuid.uuid4().hex, "groupJid": "1203@g.us"}


async def is_ready(gateway: Gateway) -> bool:
    return (await gateway.get("/health/ready")).status == 200


async def test_without_a_broker_it_starts_answers_503_and_works_once_the_broker_comes(
    tmp_path: Path, start_nats
):
    server: NatsServer = start_nats()
    await asyncio.to_thread(server.stop)
    async with running_gateway(
        tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S=str(SECONDS)
    ) as gateway:
        assert (await gateway.get("/health/live")).status == 200
        assert (await gateway.get("/health/ready")).status == 503
        answer = await gateway.post("read-receipt", callback())
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        await asyncio.to_thread(server.start)
        await make_stream(server.url, DELIVERIES)
        await eventually(lambda: is_ready(gateway), within_s=30)
        assert (await gateway.post("read-receipt", callback())).status == 202


async def test_a_broker_that_dies_and_comes_back_is_503_then_202_and_a_repeat_is_stored_once(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    async with running_gateway(
        tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S=str(SECONDS)
    ) as gateway:
        await eventually(lambda: is_ready(gateway), within_s=30)
        body = callback()
        await asyncio.to_thread(server.kill)
        answers = await asyncio.gather(*(gateway.post("read-receipt", callback()) for _ in range(50)))
        assert {answer.status for answer in answers} == {503}
        assert (await gateway.post("read-receipt", body)).status == 503
        await asyncio.to_thread(server.start)
        await eventually(lambda: is_ready(gateway), within_s=30)
        assert (await gateway.post("read-receipt", body)).json["status"] == "accepted"
        ids = [report.id for report in await stored_reports(server.url, DELIVERIES)]
        assert len(ids) == len(set(ids))


async def test_a_broker_that_hangs_is_503_in_time_and_what_it_stored_after_all_is_a_duplicate(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    async with running_gateway(
        tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S=str(SECONDS)
    ) as gateway:
        await eventually(lambda: is_ready(gateway), within_s=30)
        body = callback()
        os.kill(server.child.pid, signal.SIGSTOP)
        started = time.monotonic()
        assert (await gateway.post("read-receipt", body)).status == 503
        assert time.monotonic() - started < 20 * SECONDS
        os.kill(server.child.pid, signal.SIGCONT)
        await eventually(lambda: _has_one(server), within_s=30)
        assert (await gateway.post("read-receipt", body)).json["status"] == "duplicate"


async def _has_one(server: NatsServer) -> bool:
    return len(await stored_reports(server.url, DELIVERIES)) == 1


async def test_a_broker_without_the_stream_is_not_ready_and_503(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    async with running_gateway(
        tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S=str(SECONDS)
    ) as gateway:
        assert (await gateway.post("read-receipt", callback())).status == 503
        assert (await gateway.get("/health/ready")).status == 503


async def test_where_quarantine_cannot_be_stored_an_unreadable_body_is_503_not_400(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    async with running_gateway(
        tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S=str(SECONDS)
    ) as gateway:
        assert (await gateway.post("read-receipt", b"{")).status == 503
        assert (await gateway.post("read-receipt", callback())).status == 202


async def test_a_stop_signal_lets_what_is_on_its_way_finish(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    async with running_gateway(tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S="30") as gateway:
        await eventually(lambda: is_ready(gateway), within_s=30)
        os.kill(server.child.pid, signal.SIGSTOP)
        posts = [asyncio.create_task(gateway.post("read-receipt", callback())) for _ in range(5)]
        await eventually(lambda: _waits(gateway, 5), within_s=30)
        os.kill(gateway.child.pid, signal.SIGTERM)
        await eventually(lambda: takes_nothing_new(gateway), within_s=30)
        assert gateway.child.exit_code is None
        os.kill(server.child.pid, signal.SIGCONT)
        assert [answer.status for answer in await asyncio.gather(*posts)] == [202] * 5
        await eventually(lambda: gateway.child.exit_code is not None, within_s=30)
        assert gateway.child.exit_code == 0


async def takes_nothing_new(gateway: Gateway) -> bool:
    try:
        return not await is_ready(gateway)
    except aiohttp.ClientConnectionError:
        return True


async def _waits(gateway: Gateway, number: int) -> bool:
    return f"gateway_pending_messages {number}\n" in (await gateway.get("/metrics")).text


async def test_every_202_is_in_the_stream_although_the_broker_is_killed_again_and_again(
    tmp_path: Path, start_nats: Callable[[], NatsServer]
):
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    promised: list[str] = []
    async with running_gateway(tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S="2") as gateway:
        await eventually(lambda: is_ready(gateway), within_s=30)
        stop = asyncio.Event()
        senders = [asyncio.create_task(_send_until(stop, gateway, promised)) for _ in range(30)]
        for _ in range(3):
            before = len(promised)
            await eventually(lambda before=before: len(promised) > before + 100, within_s=30)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        stop.set()
        await asyncio.gather(*senders)
    ids = [report.id for report in await stored_reports(server.url, DELIVERIES)]
    assert len(ids) == len(set(ids))
    assert set(promised) <= set(ids)


async def _send_until(stop: asyncio.Event, gateway: Gateway, promised: list[str]) -> None:
    """Post callbacks one after the other, each until it is taken; note what was promised."""
    while not stop.is_set():
        body = callback()
        answer = await gateway.post("read-receipt", body)
        while answer.status == 503:
            answer = await gateway.post("read-receipt", body)
        assert answer.status == 202
        promised.append(answer.json["id"])


async def test_a_full_stream_is_503_at_once(tmp_path: Path, start_nats: Callable[[], NatsServer]):
    server = start_nats()
    await make_stream(server.url, msgspec.structs.replace(DELIVERIES, max_bytes=4096))
    async with running_gateway(tmp_path, server.url, SPOOL_PATH="off", PUBLISH_TIMEOUT_S="30") as gateway:
        await eventually(lambda: is_ready(gateway), within_s=30)
        answers = [await gateway.post("read-receipt", callback()) for _ in range(20)]
        assert (answers[0].status, answers[-1].status) == (202, 503)
