"""What the API does not take, and does not tell: sizes, rates, addresses of media, faults inside."""

import asyncio
import json
import random
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from support.api import Answer, Api
from support.eventually import eventually
from support.system import API_KEY, System

SETTINGS = {"API_RATE_PER_S": "50", "MAX_BODY_MB": "2", "BODY_TIMEOUT_S": "1"}
MIB = 1 << 20


async def patient(api: Api, method: str, path: str, body: Any = None) -> Answer:
    """Call, and again while the rate is used up."""

    async def answered() -> Answer:
        answer = await api.call(method, path, body)
        assert answer.status != 429
        return answer

    return await eventually(answered, 10)


def campaign(system: System, **fields: Any) -> dict[str, Any]:
    recipients = [{"group_jid": jid} for jid in system.new_groups(1)]
    return {"session_id": system.new_session(), "message": "hi", "recipients": recipients, **fields}


async def raw_answer(system: System, request: bytes) -> bytes:
    """Send these bytes, and return what comes back until the other side closes."""
    where = urlsplit(system.api.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def announced(system: System, path: str, length: int) -> bytes:
    """Announce a body of this length; return the line of status of the answer."""
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {API_KEY}", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {length}", "", ""]

    async def answered() -> bytes:
        answer = await raw_answer(system, "\r\n".join(head).encode())
        assert b" 429 " not in answer.split(b"\r\n")[0]
        return answer

    return await eventually(answered)


async def test_a_creation_may_be_as_large_as_the_setting_says_and_no_larger(system: System) -> None:
    [jid] = system.new_groups(1)
    fits = campaign(system, recipients=[{"group_jid": jid, "name": "x" * 4000}] * 200)
    answer = await patient(system.api, "POST", "/api/campaigns", fits)
    assert answer.status == 202, answer
    told = await announced(system, "/api/campaigns", 2 * MIB + 1)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in told


@pytest.mark.parametrize(
    "path", ["/api/keys", "/api/sessions/wa_x/pause", f"/api/campaigns/{UUID(int=1)}/retry"]
)
async def test_any_other_body_may_have_a_mebibyte(system: System, path: str) -> None:
    assert (await announced(system, path, MIB + 1)).startswith(b"HTTP/1.1 413 ")


async def test_headers_without_end_are_cut_off(system: System) -> None:
    headers = b"GET /api/campaigns HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 300_000
    assert (await raw_answer(system, headers)).split(b"\r\n")[0] in (
        b"",
        b"HTTP/1.1 431 Request Header Fields Too Large",
    )


@pytest.mark.parametrize("path", ["/api/campaigns", "/api/keys"])
async def test_a_body_that_drips_is_cut_off(system: System, path: str) -> None:
    where = urlsplit(system.api.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {API_KEY}"]
    head += ["Content-Type: application/json", "Content-Length: 100000", "", ""]
    writer.write("\r\n".join(head).encode())
    telling = asyncio.create_task(reader.readuntil(b"}"))

    def drip() -> bool:
        writer.write(b" ")
        return telling.done()

    await eventually(drip)
    told = await telling
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in told
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_a_large_body_may_take_longer_as_long_as_it_comes(system: System) -> None:
    [jid] = system.new_groups(1)
    body = json.dumps(campaign(system, recipients=[{"group_jid": jid, "name": "x" * 4000}] * 200)).encode()
    piece = len(body) // 5

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), piece):
            yield body[start : start + piece]
            await asyncio.sleep(0.4)

    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    async with system.http.post(f"{system.api.url}/api/campaigns", data=pieces(), headers=headers) as answer:
        assert answer.status == 202, await answer.text()


async def test_a_key_over_its_rate_waits_and_others_do_not(system: System) -> None:
    answers = await asyncio.gather(*(system.api.call("GET", "/api/keys") for _ in range(400)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 429}
    assert (await system.other_api.call("GET", "/api/keys")).status == 200
    problem = next(answer for answer in answers if answer.status == 429)
    assert (problem.content_type, problem.json["code"]) == ("application/problem+json", "TOO_MANY_REQUESTS")
    async with system.http.get(f"{system.api.url}/health/live") as alive:
        assert alive.status == 200
    assert (await patient(system.api, "GET", "/api/keys")).status == 200


@pytest.mark.parametrize(
    "url", ["http://10.0.0.7/a.png", "http://localhost/a", "ftp://media.example.com/a", "a"]
)
async def test_the_vps_is_not_sent_into_its_own_network(system: System, url: str) -> None:
    body = campaign(system, media_url=url, media_type="image")
    answer = await patient(system.api, "POST", "/api/campaigns", body)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (
        400,
        "MEDIA_URL_REFUSED",
        "media_url",
    )


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "1999-12-31T00:00:00Z"])
async def test_a_campaign_is_not_scheduled_for_a_time_that_nobody_can_mean(system: System, at: str) -> None:
    answer = await patient(system.api, "POST", "/api/campaigns", campaign(system, scheduled_at=at))
    told = answer.status, answer.json["code"], answer.json["field"]
    assert told == (400, "SCHEDULED_AT_REFUSED", "scheduled_at")


async def test_public_media_are_taken(system: System) -> None:
    body = campaign(system, media_url="https://media.example.com/a.png", media_type="image")
    assert (await patient(system.api, "POST", "/api/campaigns", body)).status == 202


NO_ID = UUID(int=0)
LISTS = [
    ("/api/campaigns?", '[{number}, "{id}"]', 64),
    ("/api/campaigns/{campaign}/recipients?", "{number}", 32),
    ("/api/dead?", '[{number}, "{id}"]', 64),
    ("/api/quarantine?", '[{number}, "{text}"]', 64),
    ("/api/attention?", '[{number}, "{text}"]', 64),
    ("/api/sessions?", '"{text}"', 64),
    ("/api/groups?", '["{text}", "{text}"]', 64),
    ("/api/keys?retired=true&", '[{number}, "{id}"]', 64),
]
"""The lists, how their cursors are written, and how large the numbers in them may be."""


@pytest.mark.parametrize(("path", "place", "bits"), LISTS, ids=[path for path, _, _ in LISTS])
async def test_a_cursor_that_the_store_cannot_take_is_refused(
    system: System, path: str, place: str, bits: int
) -> None:
    broadcast_id = (await patient(system.api, "POST", "/api/campaigns", campaign(system))).json[
        "broadcast_id"
    ]

    async def answer_to(number: int, text: str) -> tuple[int, str | None]:
        written = place.format(number=number, text=text, id=NO_ID).encode()
        after = urlsafe_b64encode(written).decode().rstrip("=")
        answer = await patient(system.api, "GET", f"{path.format(campaign=broadcast_id)}after={after}")
        return answer.status, answer.json.get("field")

    most = 2 ** (bits - 1)
    for number in (10**30, most, -most - 1):
        assert await answer_to(number, "\\u0000") == (400, "after")
    for number in (most - 1, -most):
        assert await answer_to(number, "a") == (200, None)


@pytest.mark.parametrize("path", ["/api/sessions/a%00b", "/api/groups?query=%00"])
async def test_a_nul_in_the_address_is_refused(system: System, path: str) -> None:
    headers = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\nConnection: close\r\n\r\n"
    )

    async def answered() -> bytes:
        answer = await raw_answer(system, headers.encode())
        assert b" 429 " not in answer
        return answer

    assert (await eventually(answered)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/dead/redrive", {"filter": {"session_id": "a\0b"}}),
        ("/api/dead/redrive", {"filter": {}, "why": "a\0b"}),
        ("/api/quarantine/redrive", {"ids": ["a\0b"]}),
        ("/api/quarantine/redrive", {"filter": {"source": "\\\0"}}),
    ],
)
async def test_a_nul_in_a_body_is_refused(system: System, path: str, body: dict[str, Any]) -> None:
    answer = await patient(system.api, "POST", path, body)
    assert (answer.status, answer.json["code"]) == (400, "INVALID_REQUEST")


async def test_what_only_looks_like_a_nul_is_taken(system: System) -> None:
    body = {"filter": {"session_id": "\\u0000"}, "why": "\\\\u0000"}
    answer = await patient(system.api, "POST", "/api/dead/redrive", body)
    assert (answer.status, answer.json["redriven"]) == (202, 0)


async def test_a_group_whose_name_holds_a_nul_is_one_that_nobody_knows(system: System) -> None:
    wanted = campaign(system, groups={"group_jids": ["1203630\0@g.us"]})
    answer = await patient(system.api, "POST", "/api/campaigns", {**wanted, "recipients": []})
    assert (answer.status, answer.json["code"]) == (400, "GROUPS_NOT_SYNCED")


async def test_a_fault_inside_is_logged_and_tells_nothing(system: System) -> None:
    name = f"elsewhere_{random.randrange(10**6)}"
    await system.truth.fetch(f"ALTER TABLE outcomes RENAME TO {name}")
    try:
        answer = await system.other_api.call("GET", "/api/whatsapp/metrics")
    finally:
        await system.truth.fetch(f"ALTER TABLE {name} RENAME TO outcomes")
    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert set(answer.json) == {"title", "status", "detail"}
    text = answer.body.decode().lower()
    inside = ("outcomes", "select", "asyncpg", "sqlalchemy", "traceback", ".py", "postgres")
    assert [word for word in inside if word in text] == []
    assert 'relation "outcomes" does not exist' in system.dispatcher.log_path.read_text()
