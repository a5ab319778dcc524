"""How the simulated VPS answers `/send`, well and badly, and whether the message was really sent."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from support.eventually import eventually
from support.simulator_bed import API_KEY, GROUP, Bed, simulator_bed


@pytest_asyncio.fixture
async def bed() -> AsyncIterator[Bed]:
    async with simulator_bed() as made:
        yield made


async def test_a_send_is_accepted_and_later_told_as_sent(bed: Bed) -> None:
    status, answer = await bed.send(clientRef="ref-1", messageId="3EB0AAAAAAAAAAAAAAAAAA", key="key-1")

    assert (status, answer) == (200, {"success": True, "accepted": True})
    [heard] = await bed.heard_all()
    timestamp = heard.body.pop("timestamp")
    assert isinstance(timestamp, int)
    assert heard.hook == "send-callback"
    assert heard.body == {
        "event": "message_sent",
        "sessionId": "wa_x",
        "groupJid": GROUP,
        "messageId": "3EB0AAAAAAAAAAAAAAAAAA",
        "status": "sent",
        "error": None,
        "clientRef": "ref-1",
    }
    [entry] = (await bed.control.ledger()).items
    assert (entry.recipient, entry.session_id, entry.message_id) == (GROUP, "wa_x", "3EB0AAAAAAAAAAAAAAAAAA")
    assert (entry.client_ref, entry.idempotency_key, entry.text) == ("ref-1", "key-1", "hello")


@pytest.mark.parametrize(
    ("knobs", "status", "answer", "sent"),
    [
        ({"refuse_400": 1, "reject_error": "no such group"}, 400, {"error": "no such group"}, 0),
        ({"refuse_401": 1}, 401, {"error": "Unauthorized"}, 0),
        ({"refuse_503": 1}, 503, {"error": "Session not connected"}, 0),
        ({"reject": 1, "reject_error": "blocked"}, 200, {"success": False, "error": "blocked"}, 0),
        ({"answer_delay_ms": 20}, 200, {"success": True, "accepted": True}, 1),
    ],
)
async def test_the_answer_is_as_the_knob_says(
    bed: Bed, knobs: dict[str, float | str], status: int, answer: dict[str, object], sent: int
) -> None:
    await bed.control.turn(**knobs)

    assert await bed.send() == (status, answer)
    assert len(await bed.heard_all()) == sent
    assert (await bed.control.ledger()).sent == sent


@pytest.mark.parametrize(
    ("knob", "status", "content_type", "sent"),
    [
        ("proxy_502_before", 502, "text/html", 0),
        ("proxy_502_after", 502, "text/html", 1),
        ("unreadable", 200, "application/json", 1),
    ],
)
async def test_an_answer_that_is_no_json_may_come_after_queuing(
    bed: Bed, knob: str, status: int, content_type: str, sent: int
) -> None:
    await bed.control.turn(**{knob: 1})

    async with bed.http.post(f"{bed.url}/send", json=_body()) as response:
        assert (response.status, response.content_type) == (status, content_type)
        with pytest.raises(ValueError):  # noqa: PT011 - whatever a JSON reader raises is one
            await response.json(content_type=None)
    assert len(await bed.heard_all()) == sent


async def test_too_many_requests_say_when_to_come_again(bed: Bed) -> None:
    await bed.control.turn(refuse_429=1, retry_after_s=7)

    async with bed.http.post(f"{bed.url}/send", json=_body()) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert (await bed.control.ledger()).sent == 0


@pytest.mark.parametrize(("knob", "sent"), [("reset_before", 0), ("reset_after", 1)])
async def test_a_reset_cuts_the_connection(bed: Bed, knob: str, sent: int) -> None:
    await bed.control.turn(**{knob: 1})

    reader, writer = await _connect_and_send(bed)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert len(await bed.heard_all()) == sent
    assert (await bed.control.ledger()).sent == sent


@pytest.mark.parametrize("knobs", [{"lose_answer": 1}, {"answer_delay_ms": 600_000}])
async def test_a_lost_or_slow_answer_keeps_the_client_waiting_while_the_message_is_sent(
    bed: Bed, knobs: dict[str, float]
) -> None:
    await bed.control.turn(**knobs)
    waiting = asyncio.create_task(bed.send())

    await eventually(lambda: bed.gateway.heard)
    assert bed.gateway.events == ["message_sent"]
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_lost_answer_ends_in_a_reset_when_the_client_is_patient(bed: Bed) -> None:
    await bed.control.turn(lose_answer=1, hang_ms=10)

    with pytest.raises(aiohttp.ClientConnectionError):
        await bed.send()


async def test_the_old_build_answers_with_the_message_id_and_calls_back_only_if_told_to(bed: Bed) -> None:
    await bed.control.turn(synchronous=True)
    status, answer = await bed.send(messageId="3EB0BBBBBBBBBBBBBBBBBB")
    assert (status, answer) == (200, {"success": True, "messageId": "3EB0BBBBBBBBBBBBBBBBBB"})
    assert await bed.heard_all() == []

    await bed.control.turn(synchronous_callback=True)
    await bed.send()
    assert len(await bed.heard_all()) == 1
    assert (await bed.control.ledger()).sent == 2


async def test_the_old_build_answers_a_failure_at_once(bed: Bed) -> None:
    await bed.control.turn(synchronous=True, fail=1, fail_error="Connection Closed")

    assert await bed.send() == (200, {"success": False, "error": "Connection Closed"})
    assert (await bed.control.ledger()).sent == 0


async def test_the_same_idempotency_key_gets_the_same_answer_and_sends_nothing(bed: Bed) -> None:
    await bed.control.turn(synchronous=True)
    first = await bed.send(key="k-1")
    again = await bed.send(key="k-1")
    other = await bed.send(key="k-2")

    assert first == again != other
    assert (await bed.control.ledger()).sent == 2
    assert (await bed.control.requests()).send == {"synchronous": 2, "replayed": 1}


async def test_an_idempotency_key_whose_answer_was_lost_hears_that_answer(bed: Bed) -> None:
    await bed.control.turn(reset_after=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await bed.send(key="k-1")

    assert await bed.send(key="k-1") == (200, {"success": True, "accepted": True})
    assert (await bed.control.ledger()).sent == 1


async def test_the_oldest_idempotency_keys_are_forgotten_when_there_are_too_many() -> None:
    async with simulator_bed(answers_kept=2) as bed:
        for key in ("k-1", "k-2", "k-3", "k-3", "k-1"):
            await bed.send(key=key)

        assert (await bed.control.requests()).send == {"accept": 4, "replayed": 1}


async def test_a_build_without_idempotency_keys_sends_twice_and_the_ledger_tells(bed: Bed) -> None:
    await bed.control.turn(honour_idempotency_key=False)
    await bed.send(key="k-1", clientRef="a")
    await bed.send(key="k-1", clientRef="b")

    ledger = await bed.control.ledger()
    [twice] = ledger.sent_twice
    assert (ledger.sent, ledger.per_recipient) == (2, {GROUP: 2})
    assert (twice.recipient, twice.count, twice.client_refs) == (GROUP, 2, ["a", "b"])


async def test_a_build_without_reserved_ids_makes_its_own(bed: Bed) -> None:
    await bed.control.turn(honour_message_id=False, echo_client_ref=False)
    await bed.send(messageId="3EB0CCCCCCCCCCCCCCCCCC", clientRef="ref")

    [heard] = await bed.heard_all()
    made = str(heard.body["messageId"])
    assert made != "3EB0CCCCCCCCCCCCCCCCCC"
    assert (made[:4], len(made), made.upper()) == ("3EB0", 22, made)
    assert "clientRef" not in heard.body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Missing required fields: sessionId, phone, message"),
        ({"sessionId": "wa_x", "phone": GROUP, "message": ""}, "Missing required fields: message"),
        ([], "Invalid JSON"),
    ],
)
async def test_a_body_with_missing_fields_is_refused(bed: Bed, body: object, error: str) -> None:
    assert await bed.call("POST", "/send", body) == (400, {"error": error})


@pytest.mark.parametrize("path", ["/send", "/status/wa_x", "/health", "/_control/ledger", "/nowhere"])
async def test_every_call_needs_the_key(bed: Bed, path: str) -> None:
    method = "POST" if path == "/send" else "GET"
    assert await bed.call(method, path, {}, {"X-API-Key": "wrong"}) == (401, {"error": "Unauthorized"})


async def test_a_number_is_sent_to_as_the_person_it_belongs_to(bed: Bed) -> None:
    await bed.send("+91 98-7654 3210")

    [heard] = await bed.heard_all()
    assert heard.body["groupJid"] == "919876543210@s.whatsapp.net"
    assert (await bed.control.ledger(recipient="+919876543210")).sent == 1


async def test_misbehaviour_can_be_limited_to_the_first_sends_to_a_recipient(bed: Bed) -> None:
    await bed.control.turn(refuse_503=1, only_first=2)

    answers = [(await bed.send())[0] for _ in range(3)]
    assert answers == [503, 503, 200]
    assert (await bed.send("1203-1@g.us"))[0] == 503


@pytest.mark.parametrize(
    ("knobs", "kind"), [({"lose_answer": 1.0}, "lose_answer"), ({"answer_delay_ms": 60_000}, "accept")]
)
async def test_a_restart_cuts_the_answers_that_are_under_way(
    bed: Bed, knobs: dict[str, float], kind: str
) -> None:
    async def is_under_way() -> bool:
        return (await bed.control.requests()).send == {kind: 1}

    await bed.control.turn(**knobs)
    waiting = asyncio.create_task(bed.send())
    await eventually(is_under_way)
    await bed.control.restart()
    with pytest.raises(aiohttp.ClientConnectionError):
        await waiting


def _body() -> dict[str, str]:
    return {"sessionId": "wa_x", "phone": GROUP, "message": "hello"}


async def _connect_and_send(bed: Bed) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = bed.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = b'{"sessionId":"wa_x","phone":"120363025246125486@g.us","message":"hello"}'
    head = ("POST /send HTTP/1.1", "Host: vps", f"X-API-Key: {API_KEY}", f"Content-Length: {len(body)}")
    writer.write("\r\n".join((*head, "", "")).encode() + body)
    await writer.drain()
    return reader, writer
