"""The gateway's spool on real parts: a broker that is killed, a gateway that is killed, a disk that is full."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest

from contracts.dead import CallbackQuarantined
from contracts.delivery import MessageRead
from contracts.streams import DEAD, DELIVERIES
from local_stack.nats_server import NatsServer
from support.eventually import eventually
from support.gateway import (
    KEYS,
    Answer,
    Gateway,
    change_stream,
    gateway_command,
    make_stream,
    running_gateway,
    stored,
    stored_reports,
)

StartNats = Callable[[], NatsServer]

_numbers = itertools.count()


def callback(reader: str = "1", **fields: object) -> dict[str, object]:
    """A callback that no other is; `reader` stands for the sender that posts one after the other."""
    return {
        "event": "read", "sessionId": "wa_x", "messageId": f"m{next(_numbers)}", "groupJid": "1203@g.us",
        "readerPhone": reader,
    } | fields  # fmt: skip


async def health(gateway: Gateway) -> dict[str, object]:
    return (await gateway.get("/health/ready")).json


async def figure(gateway: Gateway, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", (await gateway.get("/metrics")).text, re.MULTILINE)
    assert found, name
    return float(found[1])


async def until_drained(gateway: Gateway) -> None:
    async def drained() -> bool:
        now = await health(gateway)
        return (now["broker"], now["spool"]) == ("connected", 0)

    await eventually(drained, within_s=60)


async def start_with_streams(start_nats: StartNats) -> NatsServer:
    server = start_nats()
    await make_stream(server.url, DELIVERIES)
    await make_stream(server.url, DEAD)
    return server


async def post_accepted(gateway: Gateway, body: object) -> str:
    answer = await gateway.post("read-receipt", body)
    assert (answer.status, answer.json["status"]) == (202, "accepted"), answer
    return answer.json["id"]


async def ids_in_stream(server: NatsServer) -> list[str]:
    return [report.id for report in await stored_reports(server.url, DELIVERIES)]


async def test_a_broker_that_is_killed_again_and_again_costs_no_callback_and_no_order(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    stop, promised = asyncio.Event(), []

    async def post_one_after_the_other(reader: str) -> None:
        while not stop.is_set():
            promised.append((reader, await post_accepted(gateway, callback(reader))))

    def more(number: int) -> Callable[[], bool]:
        enough = len(promised) + number
        return lambda: len(promised) > enough

    async with running_gateway(tmp_path, server.url) as gateway:
        await until_drained(gateway)
        senders = [asyncio.create_task(post_one_after_the_other(str(number))) for number in range(20)]
        for _ in range(3):
            await eventually(more(100), within_s=60)
            await asyncio.to_thread(server.kill)
            await eventually(more(100), within_s=60)
            await asyncio.to_thread(server.start)
        await eventually(more(100), within_s=60)
        stop.set()
        await asyncio.gather(*senders)
        await until_drained(gateway)
        assert await figure(gateway, "gateway_spool_kept_total") > 0
    reports = await stored_reports(server.url, DELIVERIES)
    assert sorted(report.id for report in reports) == sorted(each for _, each in promised)
    for reader in map(str, range(20)):
        mine = [
            report.id for report in reports if isinstance(report, MessageRead) and report.reader == reader
        ]
        assert mine == [each for who, each in promised if who == reader]


async def test_without_a_broker_it_is_ready_and_says_what_waits(tmp_path: Path, start_nats: StartNats):
    server = await start_with_streams(start_nats)
    await asyncio.to_thread(server.stop)
    async with running_gateway(tmp_path, server.url) as gateway:
        body = callback()
        await post_accepted(gateway, body)
        assert (await gateway.post("read-receipt", body)).json["status"] == "duplicate"
        answer = await gateway.get("/health/ready")
        waits = {"status": "ready", "broker": "away", "spool": 1, "refused": 0}
        assert (answer.status, answer.json) == (200, waits)
        assert await figure(gateway, "gateway_spool_messages") == 1
        assert await figure(gateway, "gateway_spool_bytes") > 0
        assert await eventually(lambda: figure(gateway, "gateway_spool_age_seconds"), within_s=30) > 0
        await asyncio.to_thread(server.start)
        await until_drained(gateway)
        assert await figure(gateway, "gateway_spool_age_seconds") == 0
        assert (await gateway.post("read-receipt", body)).json["status"] == "duplicate"
    assert len(await ids_in_stream(server)) == 1


async def test_a_gateway_that_is_killed_leaves_a_spool_that_drains_in_order_at_the_next_start(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    await asyncio.to_thread(server.kill)
    async with running_gateway(tmp_path, server.url) as gateway:
        promised = [await post_accepted(gateway, callback()) for _ in range(300)]
        body = callback()
        promised.append(await post_accepted(gateway, body))
        assert (await gateway.post("read-receipt", b"{")).status == 400
        await asyncio.to_thread(gateway.child.kill)
    async with running_gateway(tmp_path, server.url) as gateway:
        assert (await health(gateway))["spool"] == 302
        assert (await gateway.post("read-receipt", body)).json["status"] == "duplicate"
        await asyncio.to_thread(server.start)
        await until_drained(gateway)
    assert await ids_in_stream(server) == promised
    (kept,) = [msgspec.json.decode(raw, type=CallbackQuarantined) for raw in await stored(server.url, DEAD)]
    assert kept.hook == "read-receipt"


async def test_a_gateway_that_is_killed_while_it_drains_loses_nothing(tmp_path: Path, start_nats: StartNats):
    server = await start_with_streams(start_nats)
    await asyncio.to_thread(server.kill)
    async with running_gateway(tmp_path, server.url, BATCH_MAX="20") as gateway:
        promised = await asyncio.gather(*(post_accepted(gateway, callback()) for _ in range(500)))
        await asyncio.to_thread(server.start)
        await eventually(lambda: figure(gateway, "gateway_spool_drained_total"), within_s=60)
        await asyncio.to_thread(gateway.child.kill)
    async with running_gateway(tmp_path, server.url) as gateway:
        await until_drained(gateway)
    assert sorted(await ids_in_stream(server)) == sorted(promised)


async def test_a_broker_that_hangs_delays_few_and_what_it_stored_after_all_is_stored_once(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    async with running_gateway(tmp_path, server.url, SPOOL_AFTER_S="0.5") as gateway:
        await until_drained(gateway)
        os.kill(server.child.pid, signal.SIGSTOP)
        promised = await asyncio.gather(*(post_accepted(gateway, callback()) for _ in range(50)))
        promised += [await post_accepted(gateway, callback()) for _ in range(50)]
        os.kill(server.child.pid, signal.SIGCONT)
        await until_drained(gateway)
    assert sorted(await ids_in_stream(server)) == sorted(promised)


async def test_a_broker_that_hangs_and_comes_back_is_not_asked_again_for_what_it_was_given(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    async with running_gateway(tmp_path, server.url, SPOOL_AFTER_S="0.3") as gateway:
        await until_drained(gateway)
        os.kill(server.child.pid, signal.SIGSTOP)
        promised = await asyncio.gather(*(post_accepted(gateway, callback()) for _ in range(500)))
        os.kill(server.child.pid, signal.SIGCONT)
        await until_drained(gateway)
        assert await figure(gateway, "gateway_batches_refused_total") == 0
        assert await figure(gateway, "gateway_batches_stored_total") < 30
        assert await figure(gateway, "gateway_spool_drained_total") == 500
    assert sorted(await ids_in_stream(server)) == sorted(promised)


async def test_a_message_that_the_stream_refuses_for_good_holds_up_nobody_and_is_tried_again_at_the_next_start(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    await change_stream(server.url, DELIVERIES, max_msg_size=10_000)
    async with running_gateway(tmp_path, server.url) as gateway:
        await until_drained(gateway)
        first = await post_accepted(gateway, callback(clientRef="x" * 20_000))
        rest = [await post_accepted(gateway, callback()) for _ in range(50)]
        await until_drained(gateway)
        assert (await health(gateway))["refused"] == 1
        assert await figure(gateway, "gateway_spool_refused_messages") == 1
        log = gateway.child.last_lines(1000)
        assert first in log
        assert "message size exceeds maximum allowed" in log
        assert "xxxx" not in log
    assert await ids_in_stream(server) == rest
    async with running_gateway(tmp_path, server.url) as gateway:
        await eventually(lambda: figure(gateway, "gateway_spool_refused_messages"), within_s=30)
    await change_stream(server.url, DELIVERIES, max_msg_size=-1)
    async with running_gateway(tmp_path, server.url) as gateway:
        await until_drained(gateway)
        assert (await health(gateway))["refused"] == 0
    assert await ids_in_stream(server) == [*rest, first]


async def test_a_full_spool_is_503_and_nothing_that_was_answered_202_is_lost(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    await asyncio.to_thread(server.kill)
    async with running_gateway(tmp_path, server.url, SPOOL_MAX_MB="1") as gateway:
        promised: list[str] = []
        body = callback()
        while (answer := await gateway.post("read-receipt", body)).status == 202:
            promised.append(answer.json["id"])
            body = callback(clientRef="x" * 20_000)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert 20 < len(promised) < 60
        assert (await gateway.get("/health/ready")).status == 503
        assert await figure(gateway, "gateway_spool_writable") == 0
        await asyncio.to_thread(server.start)
        await until_drained(gateway)
        assert (await gateway.get("/health/ready")).status == 200
        promised.append(await post_accepted(gateway, body))
        assert await figure(gateway, "gateway_spool_writable") == 1
    assert await ids_in_stream(server) == promised


async def test_a_full_stream_fills_the_spool_and_holds_up_no_other_stream(
    tmp_path: Path, start_nats: StartNats
):
    server = start_nats()
    await make_stream(server.url, msgspec.structs.replace(DELIVERIES, max_bytes=4096))
    await make_stream(server.url, DEAD)
    async with running_gateway(tmp_path, server.url) as gateway:
        await until_drained(gateway)
        promised = [await post_accepted(gateway, callback()) for _ in range(20)]
        assert (await gateway.post("read-receipt", b"{")).status == 400
        assert len(await stored(server.url, DEAD)) == 1
        held = (await health(gateway))["spool"]
        taken = await ids_in_stream(server)
        assert len(taken) + held == 20
        assert taken == promised[: len(taken)]


async def test_a_second_gateway_on_the_same_spool_is_refused(tmp_path: Path, nats_url: str):
    async with running_gateway(tmp_path, nats_url):
        ended = await asyncio.to_thread(ended_gateway, str(tmp_path / "spool.db"))
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"webhook-gateway: SPOOL_PATH: {tmp_path / 'spool.db'} is in use by another process"
    ]


@pytest.mark.parametrize(("path", "reason"), [
    ("/no/such/folder/spool.db", "cannot be written: No such file or directory"),
    ("/", "cannot be written: Is a directory"),
    ("/dev/full", ""),
])  # fmt: skip
def test_a_spool_that_cannot_be_written_is_named_and_the_gateway_does_not_start(path: str, reason: str):
    ended = ended_gateway(path)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"webhook-gateway: SPOOL_PATH: {path} {reason}")


def ended_gateway(spool_path: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "WEBHOOK_API_KEYS": KEYS,
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": "18971",
        "SPOOL_PATH": spool_path,
    }
    return subprocess.run(
        gateway_command(), env=environment, capture_output=True, text=True, timeout=60, check=False
    )


async def test_a_stop_drains_the_spool_where_the_broker_is_there(tmp_path: Path, start_nats: StartNats):
    server = await start_with_streams(start_nats)
    await asyncio.to_thread(server.kill)
    async with running_gateway(tmp_path, server.url) as gateway:
        promised = await asyncio.gather(*(post_accepted(gateway, callback()) for _ in range(500)))
        await asyncio.to_thread(server.start)
        await eventually(lambda: figure(gateway, "gateway_broker_connected"), within_s=30)
        os.kill(gateway.child.pid, signal.SIGTERM)
        await eventually(lambda: gateway.child.exit_code is not None, within_s=60)
        assert gateway.child.exit_code == 0
    assert sorted(await ids_in_stream(server)) == sorted(promised)


async def test_a_stop_takes_no_longer_than_it_may_and_a_second_signal_ends_it_at_once(
    tmp_path: Path, start_nats: StartNats
):
    server = await start_with_streams(start_nats)
    settings = {"SPOOL_PATH": "off", "PUBLISH_TIMEOUT_S": "60"}
    for drain_seconds, signals, code in (("0.2", 1, 0), ("600", 2, 130)):
        async with running_gateway(
            tmp_path / drain_seconds, server.url, DRAIN_S=drain_seconds, **settings
        ) as gateway:
            await eventually(lambda gateway=gateway: figure(gateway, "gateway_broker_connected"), within_s=30)
            os.kill(server.child.pid, signal.SIGSTOP)
            post = asyncio.create_task(gateway.post("read-receipt", callback()))
            await eventually(lambda gateway=gateway: figure(gateway, "gateway_pending_messages"), within_s=30)
            os.kill(gateway.child.pid, signal.SIGTERM)
            if signals == 2:
                await eventually(
                    lambda gateway=gateway: "stopping" in gateway.child.last_lines(), within_s=30
                )
                os.kill(gateway.child.pid, signal.SIGTERM)
            await eventually(lambda gateway=gateway: gateway.child.exit_code is not None, within_s=60)
            assert gateway.child.exit_code == code
            os.kill(server.child.pid, signal.SIGCONT)
            (answer,) = await asyncio.gather(post, return_exceptions=True)
            assert isinstance(answer, aiohttp.ClientError | Answer)
