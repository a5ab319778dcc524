"""The gateway's answer table, case by case, against a real nats-server."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from contracts import delivery
from contracts.dead import CallbackQuarantined
from contracts.streams import DEAD, DELIVERIES
from support.eventually import eventually
from support.gateway import (
    KEY,
    OTHER_KEY,
    Answer,
    Gateway,
    make_stream,
    running_gateway,
    stored,
    stored_reports,
)

GROUP = "120363025246125486@g.us"
WHEN = "2026-02-15T10:00:00Z"


@pytest_asyncio.fixture(scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, nats_url: str) -> AsyncIterator[Gateway]:
    await make_stream(nats_url, DELIVERIES)
    await make_stream(nats_url, DEAD)
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with running_gateway(folder, nats_url) as running:
        await eventually(running.has_broker)
        yield running


def new_id() -> str:
    return f"3EB0{uuid.uuid4().hex[:18].upper()}"


def sent(message_id: str, **fields: object) -> dict[str, object]:
    return {
        "event": "message_sent", "sessionId": "wa_x", "groupJid": GROUP, "messageId": message_id,
        "status": "sent", "error": None, "timestamp": 1708700000000,
    } | fields  # fmt: skip


MESSAGE = {"sessionId": "wa_x", "messageId": "?", "groupJid": GROUP}
REACTION = MESSAGE | {"reactorPhone": "15550100", "timestamp": WHEN}
MEMBER = {"sessionId": "wa_x", "groupJid": "?", "participant": {"phone": "15550100"}, "timestamp": WHEN}
STATUS = {"sessionId": "?", "status": "hibernating", "timestamp": WHEN}
FAILED = {"event": "message_failed", "messageId": None, "error": "?", "clientRef": "?"}
ERRORED = {"event": "message_error", "errorCode": 420, "errorMessage": "no"}

BODIES = [
    ("send-callback", MESSAGE | {"event": "message_sent"}, delivery.MessageSent),
    ("send-callback", MESSAGE | FAILED, delivery.MessageFailed),
    ("message-error", MESSAGE | ERRORED, delivery.MessageErrored),
    ("read-receipt", MESSAGE | {"event": "delivered", "readerPhone": ""}, delivery.MessageDelivered),
    ("read-receipt", MESSAGE | {"event": "read", "readerPhone": "15550100"}, delivery.MessageRead),
    ("reaction", REACTION | {"event": "reaction_add", "emoji": "👍"}, delivery.ReactionAdded),
    ("reaction", REACTION | {"event": "reaction_remove"}, delivery.ReactionRemoved),
    ("session-status", STATUS, delivery.SessionReported),
    ("membership", MEMBER | {"event": "join"}, delivery.MemberJoined),
    ("membership", MEMBER | {"event": "leave"}, delivery.MemberLeft),
]  # "?" is new in each test


@pytest.mark.parametrize(("hook", "body", "kind"), BODIES, ids=[kind.__name__ for _, _, kind in BODIES])
async def test_a_callback_is_answered_202_once_it_is_in_the_stream(gateway, nats_url, hook, body, kind):
    fresh = {name: new_id() if value == "?" else value for name, value in body.items()}
    answer = await gateway.post(hook, fresh)
    assert (answer.status, answer.json["status"]) == (202, "accepted")
    (report,) = [r for r in await stored_reports(nats_url, DELIVERIES) if r.id == answer.json["id"]]
    assert type(report) is kind
    assert report.correlation == report.id


async def test_a_repeat_is_a_duplicate_with_the_same_id_and_is_stored_once(gateway, nats_url):
    body = sent(new_id())
    first, second = await gateway.post("send-callback", body), await gateway.post("send-callback", body)
    assert first.json["status"] == "accepted"
    assert (second.status, second.json) == (202, {"id": first.json["id"], "status": "duplicate"})
    ids = [report.id for report in await stored_reports(nats_url, DELIVERIES)]
    assert ids.count(first.json["id"]) == 1


async def test_of_many_equal_callbacks_at_once_one_is_accepted_and_the_others_are_duplicates(gateway):
    body = sent(new_id())
    answers = await asyncio.gather(*(gateway.post("send-callback", body) for _ in range(20)))
    assert sorted(answer.json["status"] for answer in answers) == ["accepted"] + ["duplicate"] * 19


async def test_a_receipt_from_two_sessions_is_one_report(gateway):
    receipt = {"event": "read", "messageId": new_id(), "groupJid": GROUP, "readerPhone": "15550100"}
    first = await gateway.post("read-receipt", receipt | {"sessionId": "wa_x"})
    second = await gateway.post("read-receipt", receipt | {"sessionId": "wa_y", "timestamp": 1708700000000})
    assert (first.json["status"], second.json["status"]) == ("accepted", "duplicate")


async def test_the_tenant_comes_from_the_key_and_is_part_of_the_identity(gateway, nats_url):
    body = sent(new_id())
    ours, theirs = (
        await gateway.post("send-callback", body),
        await gateway.post("send-callback", body, X_API_Key=OTHER_KEY),
    )
    tenants = {report.id: report.tenant for report in await stored_reports(nats_url, DELIVERIES)}
    assert (tenants[ours.json["id"]], tenants[theirs.json["id"]]) == ("default", "acme")


async def test_an_unknown_event_word_is_accepted_kept_whole_and_counted(gateway, nats_url):
    raw = b'{"event":"message_pinned","sessionId":"wa_x","new":[1,2],"n":"%s"}' % new_id().encode()
    answer = await gateway.post("send-callback", raw)
    assert (answer.status, answer.json["status"]) == (202, "accepted")
    assert (await gateway.post("send-callback", raw)).json == answer.json | {"status": "duplicate"}
    (kept,) = [each for each in await quarantined(nats_url) if each.id == answer.json["id"]]
    assert (kept.kind, kept.hook, base64.b64decode(kept.body)) == ("unknown", "send-callback", raw)
    assert "message_pinned" in kept.reason
    figures = (await gateway.get("/metrics")).text
    assert 'gateway_callbacks_total{hook="send-callback",outcome="unknown"}' in figures


@pytest.mark.parametrize("headers", [
    {"X_API_Key": KEY},
    {"x_api_key": KEY, "X_API_Key": ""},
    {"X_API_Key": "", "Authorization": f"Bearer {KEY}"},
    {"X_API_Key": "", "Authorization": f"bearer {OTHER_KEY}"},
])  # fmt: skip
async def test_a_key_is_taken_from_either_header(gateway, headers):
    assert (await gateway.post("send-callback", sent(new_id()), **headers)).status == 202


@pytest.mark.parametrize("headers", [
    {"X_API_Key": ""},
    {"X_API_Key": "wrong"},
    {"X_API_Key": KEY[:-1]},
    {"X_API_Key": f"default:{KEY}"},
    {"X_API_Key": "", "Authorization": "Bearer wrong"},
    {"X_API_Key": "", "Authorization": f"Basic {KEY}"},
])  # fmt: skip
async def test_no_key_or_a_wrong_key_is_401(gateway, headers):
    answer = await gateway.post("send-callback", sent(new_id()), **headers)
    assert_problem(answer, 401)
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("body", [b"{", b"x" * 1000, b""])
async def test_without_a_key_the_body_makes_no_difference(gateway, body):
    assert_problem(
        await gateway.post("send-callback", body, X_API_Key="wrong", Content_Type="text/plain"), 401
    )


FRAMINGS = [
    b"Content-Length: 1000",
    b"Content-Length: 100000000",
    b"Content-Length: 1000\r\nExpect: 100-continue",
    b"Transfer-Encoding: chunked",
]


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_wrong_key_is_answered_before_the_body_is_sent(gateway, framing):
    assert b" 401 " in await status_line(gateway, b"X-API-Key: wrong", framing)


async def status_line(gateway: Gateway, key: bytes, framing: bytes, body: bytes = b"") -> bytes:
    """Send a head, and of its body no more than is given; return the first line of the answer."""
    head = b"POST /webhooks/reaction HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return await first_line(gateway, head + key + b"\r\n" + framing + b"\r\n\r\n" + body)


async def first_line(gateway: Gateway, sent_bytes: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent_bytes)
    answer = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    await writer.wait_closed()
    return answer


SENT = b'{"event":"message_sent",'
ERROR = b'{"event":"message_error","sessionId":"s","messageId":"m"'
JOIN = b'{"event":"join","sessionId":"s","groupJid":"g"'

UNREADABLE = [
    ("send-callback", b"", "$"),
    ("send-callback", b"{", "$"),
    ("send-callback", b"[]", "$"),
    ("send-callback", b"null", "$"),
    ("send-callback", SENT + b'"sessionId":"\xff","groupJid":"g"}', "$"),
    ("send-callback", b'{"event":"message_new","x":"\xff"}', "$"),
    ("send-callback", b"[" * 200_000, "$"),
    ("send-callback", SENT + b'"groupJid":"g"}', "$.sessionId"),
    ("send-callback", b'{"sessionId":"wa_x","groupJid":"g"}', "$.event"),
    ("send-callback", SENT + b'"sessionId":7,"groupJid":"g"}', "$.sessionId"),
    ("send-callback", SENT + b'"sessionId":"wa_x","groupJid":"  "}', "$.groupJid"),
    ("send-callback", SENT + b'"sessionId":"s","groupJid":"g","timestamp":{}}', "$.timestamp"),
    ("send-callback", b'{"event":"message_new","messageId":7,', "$.messageId"),
    ("send-callback", b'{"event":"message_new","messageId":7,"x":"\xff"}', "$"),
    ("send-callback", b'{"event":"message_new","messageId":7,"x":' + b"[" * 200_000, "$.messageId"),
    ("message-error", ERROR + b"}", "$.errorCode"),
    ("message-error", ERROR + b',"errorCode":"420"}', "$.errorCode"),
    ("message-error", ERROR + b',"errorCode":1%s}' % (b"0" * 30), "$.errorCode"),
    ("read-receipt", b'{"event":"read","sessionId":"s","messageId":"","groupJid":"g"}', "$.messageId"),
    ("reaction", b'{"event":"reaction_add","sessionId":"s","messageId":"m"}', "$.groupJid"),
    ("session-status", b'{"sessionId":"s"}', "$.status"),
    ("membership", JOIN + b"}", "$.participant"),
    ("membership", JOIN + b',"participant":{}}', "$.participant.phone"),
    ("membership", JOIN + b',"participant":{"phone":1}}', "$.participant.phone"),
]


@pytest.mark.parametrize(("hook", "body", "path"), UNREADABLE, ids=range(len(UNREADABLE)))
async def test_an_unreadable_body_is_400_names_the_field_and_is_kept_in_quarantine(
    gateway, nats_url, hook, body, path
):
    answer = await gateway.post(hook, body)
    assert_problem(answer, 400)
    assert answer.json["errors"][0]["path"] == path
    assert answer.json["field"] == path.removeprefix("$.")
    kept = await quarantined(nats_url)
    (own,) = [message for message in kept if (message.hook, base64.b64decode(message.body)) == (hook, body)]
    assert own.reason.startswith(path)
    assert own.kind == "invalid"


async def quarantined(nats_url: str) -> list[CallbackQuarantined]:
    return [msgspec.json.decode(raw, type=CallbackQuarantined) for raw in await stored(nats_url, DEAD)]


CONFLICTS = [
    ("send-callback", MESSAGE | {"event": "message_sent", "clientRef": "a"}, {"clientRef": "b"}),
    ("message-error", MESSAGE | ERRORED, {"errorMessage": "something else"}),
    (
        "read-receipt",
        MESSAGE | {"event": "read", "readerPhone": "15550100"},
        {"groupJid": "120363000000000002@g.us"},
    ),
]


@pytest.mark.parametrize(("hook", "body", "change"), CONFLICTS)
async def test_what_contradicts_a_stored_callback_is_a_duplicate_to_the_sender_and_kept_as_a_conflict(
    gateway, nats_url, hook, body, change
):
    body = body | {"messageId": new_id()}
    first = await gateway.post(hook, body)
    same = await gateway.post(hook, body | {"timestamp": 1708700000001})
    second = await gateway.post(hook, body | change)
    assert (first.json["status"], same.json["status"]) == ("accepted", "duplicate")
    assert (second.status, second.json) == (202, {"id": first.json["id"], "status": "duplicate"})
    (kept,) = [each for each in await quarantined(nats_url) if each.causation == first.json["id"]]
    assert kept.kind == "conflict"
    assert msgspec.json.decode(base64.b64decode(kept.body)) == body | change


async def test_a_body_at_the_limit_is_read(gateway):
    assert_problem(await gateway.post("send-callback", b" " * 262_144), 400)


async def test_a_body_that_announces_more_than_the_limit_is_413_at_once(gateway):
    key = f"X-API-Key: {KEY}".encode()
    assert b" 413 " in await status_line(gateway, key, b"Content-Length: 262145")


async def test_a_body_that_hides_its_length_is_413_at_the_first_byte_too_many(gateway):
    key, full = f"X-API-Key: {KEY}".encode(), b"400\r\n" + b" " * 1024 + b"\r\n"
    body = full * 256 + b"1\r\n \r\n"
    assert b" 413 " in await status_line(gateway, key, b"Transfer-Encoding: chunked", body)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonp"],
)
async def test_what_says_that_it_is_no_json_is_415_and_not_kept(gateway, nats_url, content_type):
    kept = len(await quarantined(nats_url))
    assert_problem(await gateway.post("send-callback", b"{}", Content_Type=content_type), 415)
    assert len(await quarantined(nats_url)) == kept


async def test_a_body_that_does_not_say_what_it_is_is_taken_for_json(gateway):
    body = msgspec.json.encode(sent(new_id()))
    head = b"POST /webhooks/send-callback HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
    assert b" 202 " in await first_line(gateway, head + f"X-API-Key: {KEY}\r\n\r\n".encode() + body)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_say_its_charset(gateway, content_type):
    assert (await gateway.post("send-callback", sent(new_id()), Content_Type=content_type)).status == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_wrong_method_is_405_and_says_which_is_right(gateway, method):
    url = f"{gateway.url}/webhooks/send-callback"
    async with gateway.session.request(method, url, headers={"X-API-Key": KEY}) as response:
        answer = await Answer.read(response)
    assert_problem(answer, 405)
    assert "POST" in answer.headers["allow"]


async def test_an_unknown_path_is_404(gateway):
    assert_problem(await gateway.post("nothing-here", {}), 404)


async def test_the_service_describes_itself_and_says_that_it_is_well(gateway):
    assert (await gateway.get("/health/live")).status == 200
    assert (await gateway.get("/health/ready")).status == 200
    schema = (await gateway.get("/schema/openapi.json")).json
    hooks = [path for path in schema["paths"] if path.startswith("/webhooks/")]
    assert len(hooks) == 6
    for path in hooks:
        operation = schema["paths"][path]["post"]
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert schema["components"]["schemas"][name]["required"]
        assert {"202", "400", "401", "413", "415", "429", "503"} <= set(operation["responses"])


async def test_no_key_and_no_phone_stands_in_the_log(gateway):
    log = gateway.child.log_path.read_text()
    assert "listening" in log
    assert KEY not in log
    assert "15550100" not in log
    assert GROUP not in log


def assert_problem(answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["title"]
