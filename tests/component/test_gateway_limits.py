"""The gateway's rate limit, and its refusal to start with unsafe or unreadable settings."""

import asyncio
import base64
import hashlib
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from standardwebhooks import Webhook

from contracts.streams import DELIVERIES
from support.eventually import eventually
from support.gateway import KEY, OTHER_KEY, gateway_command, make_stream, running_gateway


async def test_a_key_over_its_rate_is_429_and_another_key_is_not(tmp_path: Path, nats_url: str):
    await make_stream(nats_url, DELIVERIES)
    async with running_gateway(tmp_path, nats_url, RATE_LIMIT_PER_S="0.01") as gateway:
        body = {"sessionId": "wa_x", "status": "connected"}
        assert (await gateway.post("session-status", body)).status == 202
        refused = await gateway.post("session-status", body)
        assert refused.status == 429
        assert 0 < int(refused.headers["retry-after"]) <= 100
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await gateway.post("session-status", body, X_API_Key=OTHER_KEY)).status == 202


async def test_each_key_is_counted_by_its_fingerprint_and_none_stands_in_the_figures(
    tmp_path: Path, nats_url: str
):
    hashed = hashlib.sha256(OTHER_KEY.encode()).hexdigest()
    keys = f"{KEY},acme:sha256:{hashed}"
    async with running_gateway(tmp_path, nats_url, WEBHOOK_API_KEYS=keys) as gateway:
        body = {"sessionId": "wa_x", "status": "connected"}
        for _ in range(2):
            assert (await gateway.post("session-status", body, X_API_Key=OTHER_KEY)).status == 202
        figures = (await gateway.get("/metrics")).text
        assert f'gateway_key_requests_total{{tenant="acme",key="{hashed[:8]}"}} 2' in figures
        (last_used,) = re.findall(
            rf'last_used_timestamp_seconds{{tenant="acme",key="{hashed[:8]}"}} (\S+)', figures
        )
        assert abs(float(last_used) - time.time()) < 600
        unused = hashlib.sha256(KEY.encode()).hexdigest()[:8]
        assert f'gateway_key_requests_total{{tenant="default",key="{unused}"}} 0' in figures
        assert (await gateway.post("session-status", body, X_API_Key="wrong")).status == 401
        refused = 'gateway_callbacks_total{hook="session-status",outcome="unauthorised"} 1'
        assert refused in (await gateway.get("/metrics")).text
        assert KEY not in figures
        assert OTHER_KEY not in figures


async def raw_answer(port: int, *parts: bytes) -> bytes:
    """Send bytes on a connection of one's own, and return all that comes until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    try:
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


HEAD = f"POST /webhooks/reaction HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n".encode()


async def test_a_sender_that_is_slow_or_sends_too_much_is_cut_off(tmp_path: Path, nats_url: str):
    timeouts = {"HEADER_TIMEOUT_S": "0.5", "BODY_TIMEOUT_S": "0.5", "MAX_HEADER_BYTES": "8192"}
    async with running_gateway(tmp_path, nats_url, **timeouts) as gateway:
        assert b" 202 " not in await raw_answer(gateway.port, HEAD)
        slow = await raw_answer(gateway.port, HEAD + b"Content-Length: 10\r\n\r\n{")
        assert slow.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in slow
        big = await raw_answer(
            gateway.port, HEAD + b"X-Big: " + b"x" * 20_000 + b"\r\nContent-Length: 2\r\n\r\n{}"
        )
        assert b" 431 " in big
        assert (await gateway.get("/health/live")).status == 200


@pytest.mark.parametrize(
    ("framing", "drop"), [(b"Content-Length: 100000", b" "), (b"Transfer-Encoding: chunked", b"1\r\n \r\n")]
)
async def test_a_sender_that_drips_a_body_is_cut_off_although_something_always_comes(
    tmp_path: Path, nats_url: str, framing: bytes, drop: bytes
):
    async with running_gateway(tmp_path, nats_url, BODY_TIMEOUT_S="0.5") as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(HEAD + framing + b"\r\n\r\n")

        answer = asyncio.create_task(reader.readline())

        def drip() -> bool:
            writer.write(drop)
            return answer.done()

        await eventually(drip, within_s=30)
        assert b" 408 " in await answer
        writer.close()


async def test_a_tenant_that_must_sign_is_let_in_with_the_librarys_signature_alone(
    tmp_path: Path, nats_url: str
):
    await make_stream(nats_url, DELIVERIES)
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    settings = {"WEBHOOK_SIGNATURES": "acme:required", "WEBHOOK_SIGNING_SECRETS": f"acme:{secret}"}
    async with running_gateway(tmp_path, nats_url, **settings) as gateway:
        body = msgspec.json.encode({"sessionId": "wa_x", "status": "connected"})
        now = datetime.now(UTC)
        headers = {
            "X_API_Key": OTHER_KEY,
            "webhook_id": "m1",
            "webhook_timestamp": str(int(now.timestamp())),
            "webhook_signature": Webhook(secret).sign("m1", now, body.decode()),
        }
        assert (await gateway.post("session-status", body, **headers)).status == 202
        unsigned = await gateway.post("session-status", body, X_API_Key=OTHER_KEY)
        assert (unsigned.status, unsigned.headers["content-type"]) == (401, "application/problem+json")
        assert (await gateway.post("session-status", body + b" ", **headers)).status == 401
        assert (await gateway.post("session-status", body)).status == 202


REFUSED = [
    ({}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS": " , "}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS": "changeme"}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS": f"{KEY},Your-Secret-Key-Here"}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS": "short-0123"}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS": f"{KEY},acme:short-0123"}, "WEBHOOK_API_KEYS"),
    ({"WEBHOOK_API_KEYS_FILE": "/nowhere/keys"}, "WEBHOOK_API_KEYS_FILE"),
    ({"WEBHOOK_API_KEYS": KEY, "NATS_URL": "somewhere"}, "NATS_URL"),
    ({"WEBHOOK_API_KEYS": KEY, "GATEWAY_PORT": "eighty"}, "GATEWAY_PORT"),
    ({"WEBHOOK_API_KEYS": KEY, "GATEWAY_PORT": "70000"}, "GATEWAY_PORT"),
    ({"WEBHOOK_API_KEYS": KEY, "MAX_BODY_BYTES": "0"}, "MAX_BODY_BYTES"),
    ({"WEBHOOK_API_KEYS": KEY, "LOG_LEVEL": "chatty"}, "LOG_LEVEL"),
    ({"WEBHOOK_API_KEYS": KEY, "BATCH_MAX": "100000"}, "BATCH_MAX"),
    ({"WEBHOOK_API_KEYS": KEY, "SPOOL_MAX_MB": "0"}, "SPOOL_MAX_MB"),
    ({"WEBHOOK_API_KEYS": KEY, "WEBHOOK_SIGNATURES": "required"}, "WEBHOOK_SIGNING_SECRETS"),
]


@pytest.mark.parametrize(("environment", "named"), REFUSED, ids=range(len(REFUSED)))
def test_a_wrong_setting_is_one_line_that_names_it_and_exit_code_2(environment, named):
    ended = subprocess.run(
        gateway_command(), env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert f"{named}:" in ended.stderr
    for key in environment.get("WEBHOOK_API_KEYS", "").split(","):
        assert not key.strip() or key not in ended.stderr


def test_help_names_every_setting():
    ended = subprocess.run(
        [*gateway_command(), "--help"], env={}, capture_output=True, text=True, timeout=60, check=True
    )
    for name in (
        "NATS_URL",
        "WEBHOOK_API_KEYS",
        "GATEWAY_HOST",
        "GATEWAY_PORT",
        "PUBLISH_TIMEOUT_S",
        "BATCH_MAX",
    ):
        assert name in ended.stdout
