"""What a creation answers, by HTTP alone: proof, repeats, refusals, files, filled messages."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from support.api import FAR_OFF, Answer
from support.eventually import eventually
from support.system import API_KEY, System

SETTINGS = {"DEFAULT_COUNTRY_CODE": "972, other:44"}


async def post(
    system: System, body: Any, *, content_type: str | None = None, key: str | None = None, **query: str
) -> Answer:
    """Create a campaign by a body of any kind."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    headers |= {"Content-Type": content_type} if content_type else {}
    headers |= {"Idempotency-Key": key} if key else {}
    raw = body if isinstance(body, bytes | aiohttp.FormData) else msgspec.json.encode(body)
    url = f"{system.api.url}/api/campaigns"
    async with system.http.post(url, data=raw, headers=headers, params=query) as answer:
        return Answer(answer.status, answer.content_type, await answer.read())


async def create(system: System, body: dict[str, Any], key: str | None = None) -> Answer:
    return await post(system, body, content_type="application/json", key=key)


def campaign(session_id: str, groups: list[str], **fields: Any) -> dict[str, Any]:
    recipients = [{"group_jid": jid} for jid in groups]
    return {"session_id": session_id, "message": "hello", "recipients": recipients, **fields}


async def sent_texts(system: System, broadcast_id: str, session_id: str) -> dict[str, str]:
    """Wait until a campaign is through; return what reached whom."""
    await system.api.until(broadcast_id, "completed", within_s=30)
    return {entry.recipient: entry.text for entry in (await system.ledger(session_id)).items}


async def test_the_proof_tells_what_was_queued_and_what_was_left_out(system: System) -> None:
    session_id, [jid] = system.new_session(), system.new_groups(1)
    recipients = [
        {"group_jid": jid, "lead_id": "L1"},
        {"phone": "050-1234567"},
        {"phone": "12345"},
        {"phone": "+972501234567"},
        {"phone": "+00 1234567890"},
    ]
    body = {"session_id": session_id, "message": "hello", "recipients": recipients}
    answer = await create(system, body)
    assert answer.status == 202, answer
    told = answer.json
    assert told["broadcast_id"] == told["job_id"]
    assert (told["success"], told["idempotent"], told["status"]) == (True, False, "queued")
    assert (told["queued_count"], told["total_recipients"], told["sent_count"]) == (2, 2, 0)
    assert [(item.get("group_jid"), item.get("phone"), item.get("lead_id")) for item in told["items"]] == [
        (jid, None, "L1"),
        (None, "+972501234567", None),
    ]
    assert told["invalid_recipients_count"] == 3
    assert told["invalid_recipients"] == [
        {"index": 2, "reason": "too_short"},
        {"index": 3, "reason": "duplicate"},
        {"index": 4, "reason": "invalid_format"},
    ]


async def test_each_tenant_has_its_country_code_and_finds_its_people_as_it_writes_them(
    system: System,
) -> None:
    cases = [
        (system.api, "050-1234567", "972501234567"),
        (system.other_api, "07911 123456", "447911123456"),
    ]
    for api, phone, digits in cases:
        recipients = [{"phone": phone}]
        broadcast_id = await api.create(system.new_session(), [], recipients=recipients)
        path = f"/api/campaigns/{broadcast_id}/recipients/{phone}"
        for part in ("", "/history", "/why"):
            assert (await api.call("GET", path + part)).status == 200, part
        assert (await api.recipient(broadcast_id, phone)).recipient == f"{digits}@s.whatsapp.net"
        await api.until(broadcast_id, "completed")
        wish = {"outcome": "sent", "recipients": [phone]}
        assert (await api.call("POST", f"/api/campaigns/{broadcast_id}/confirm", wish)).status == 202


async def test_the_same_request_is_the_same_broadcast_and_nobody_gets_it_twice(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(5)
    answers = await asyncio.gather(*(create(system, campaign(session_id, groups)) for _ in range(20)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["broadcast_id"] for answer in answers}) == 1
    assert sorted(answer.json["idempotent"] for answer in answers) == [False] + [True] * 19
    broadcast_id = answers[0].json["broadcast_id"]
    await system.api.until(broadcast_id, "completed")
    late = (await create(system, campaign(session_id, groups[::-1]))).json
    assert (late["broadcast_id"], late["idempotent"], late["sent_count"]) == (broadcast_id, True, 5)
    assert [item["status"] for item in late["items"]] == ["sent"] * 5
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def test_a_key_names_one_broadcast_whether_it_stands_in_the_header_or_in_the_body(
    system: System,
) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    key = f"key of {session_id}"
    first = await create(system, campaign(session_id, groups), key)
    again = await create(system, campaign(session_id, groups, idempotency_key=key))
    assert (first.json["broadcast_id"], True) == (again.json["broadcast_id"], again.json["idempotent"])
    other = await create(system, campaign(session_id, groups[:1]), key)
    assert (other.status, other.json["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    both = await create(system, campaign(session_id, groups, idempotency_key="x"), key)
    assert (both.status, both.json["field"]) == (400, "idempotency_key")
    long = await create(system, campaign(session_id, groups), "x" * 256)
    assert (long.status, long.json["field"]) == (400, "Idempotency-Key")


async def test_a_repeat_of_what_was_cancelled_before_it_left_is_no_success(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    wanted, key = campaign(session_id, groups, scheduled_at=FAR_OFF), f"gone-{session_id}"
    first = (await create(system, wanted, key)).json
    assert (first["success"], first["status"]) == (True, "scheduled")
    path = f"/api/campaigns/{first['broadcast_id']}"
    assert (await system.api.call("POST", f"{path}/cancel")).status == 202

    async def all_cancelled() -> bool:
        assert (await system.api.campaign(first["broadcast_id"])).counts["cancelled"] == 2
        return True

    await eventually(all_cancelled)
    again = (await create(system, wanted, key)).json
    assert (again["broadcast_id"], again["idempotent"]) == (first["broadcast_id"], True)
    assert (again["success"], again["queued_count"]) == (False, 0)


@pytest.mark.parametrize("status", ["disconnected", "connecting", "qr"])
async def test_a_session_that_is_not_connected_is_refused_and_nothing_is_recorded(
    system: System, status: str
) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    await system.vps.set_state(session_id, status)
    answer = await create(system, campaign(session_id, groups), key := f"k-{session_id}")
    assert (answer.status, answer.json["code"]) == (503, "WHATSAPP_NOT_CONNECTED")
    assert answer.content_type == "application/problem+json"
    assert "broadcast_id" not in answer.json
    listed = (await system.api.call("GET", "/api/campaigns", limit="1000")).json["items"]
    assert session_id not in {item["session_id"] for item in listed}
    await system.vps.set_state(session_id, "connected")
    accepted = await create(system, campaign(session_id, groups), key)
    assert (accepted.status, accepted.json["idempotent"]) == (202, False)
    await system.vps.set_state(session_id, "disconnected")
    again = await create(system, campaign(session_id, groups), key)
    assert (again.status, again.json["idempotent"]) == (202, True)


async def test_a_session_whose_state_cannot_be_had_or_understood_is_accepted(system: System) -> None:
    session_id, other = system.new_session(), system.new_session()
    await system.vps.set_state(session_id, "pondering")
    assert (await create(system, campaign(session_id, system.new_groups(1)))).status == 202
    await asyncio.to_thread(system.vps_process.kill)
    try:
        assert (await create(system, campaign(other, system.new_groups(1)))).status == 202
    finally:
        await system.start("simulator")


@pytest.mark.parametrize(
    ("recipients", "code"),
    [([], "NO_RECIPIENTS"), ([{"phone": "1"}, {"group_jid": "x"}, {}], "NO_VALID_RECIPIENTS")],
    ids=["none", "all-invalid"],
)
async def test_a_campaign_that_nobody_would_get_is_refused(
    system: System, recipients: list[dict[str, str]], code: str
) -> None:
    body = {"session_id": system.new_session(), "message": "hello", "recipients": recipients}
    answer = await create(system, body)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, code, "recipients")
    reasons = [bad["reason"] for bad in answer.json.get("invalid_recipients", [])]
    assert reasons == (["too_short", "invalid_format", "missing"] if recipients else [])


async def test_each_recipient_gets_its_own_message(system: System) -> None:
    session_id, [first, second] = system.new_session(), system.new_groups(2)
    recipients = [
        {"group_jid": first, "name": "Ada", "fields": {"City": "חיפה"}},
        {"group_jid": second, "name": "Bob", "lead_id": "L2", "fields": {"city": "{{name}}"}},
        {"phone": "0501234567", "name": "Cy", "fields": {"city": "Acre"}},
    ]
    message = "Hello {{ name }} of {{city}}"
    broadcast_id = (
        await create(system, {"session_id": session_id, "message": message, "recipients": recipients})
    ).json["broadcast_id"]
    assert await sent_texts(system, broadcast_id, session_id) == {
        first: "Hello Ada of חיפה",
        second: "Hello Bob of {{name}}",
        "972501234567@s.whatsapp.net": "Hello Cy of Acre",
    }


async def test_a_field_that_a_recipient_does_not_have_is_refused_and_named(system: System) -> None:
    session_id, [first, second] = system.new_session(), system.new_groups(2)
    recipients = [{"group_jid": first, "name": "Ada"}, {"group_jid": second, "name": " "}]
    body = {"session_id": session_id, "message": "Hello {{name}}", "recipients": recipients}
    answer = await create(system, body)
    assert (answer.status, answer.json["code"]) == (400, "UNKNOWN_FIELD")
    assert answer.json["field"] == "recipients[1].name"
    assert "'name'" in answer.json["detail"]
    assert answer.json["invalid_recipients"] == [{"index": 1, "reason": "unknown_field", "field": "name"}]


def csv_of(groups: list[str]) -> bytes:
    lines = [f"{jid};L{n};Guest {n};{n * 10}" for n, jid in enumerate(groups)]
    return ("\ufeffgroup_jid;lead_id;name;Table\r\n" + "\r\n".join(lines)).encode()


async def test_recipients_may_come_as_csv_with_the_campaign_as_query(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    query = {"session_id": session_id, "message": "{{name}}: table {{table}}", "priority": "high"}
    answer = await post(system, csv_of(groups), content_type="text/csv; charset=utf-8", **query)
    assert answer.status == 202, answer
    assert [item["lead_id"] for item in answer.json["items"]] == ["L0", "L1", "L2"]
    texts = await sent_texts(system, answer.json["broadcast_id"], session_id)
    assert texts == {jid: f"Guest {n}: table {n * 10}" for n, jid in enumerate(groups)}


async def test_recipients_may_come_as_a_file_of_a_form(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    form = aiohttp.FormData()
    spec = {"session_id": session_id, "message": "hi {{name}}", "delay_seconds": 0.01}
    form.add_field("recipients", csv_of(groups), filename="list.csv", content_type="text/csv")
    form.add_field("campaign", msgspec.json.encode(spec).decode(), content_type="application/json")
    answer = await post(system, form, key=f"form-{session_id}")
    assert answer.status == 202, answer
    assert answer.json["queued_count"] == 3
    texts = await sent_texts(system, answer.json["broadcast_id"], session_id)
    assert texts == {jid: f"hi Guest {n}" for n, jid in enumerate(groups)}


async def test_a_bad_line_of_a_file_is_named_and_the_others_are_queued(system: System) -> None:
    session_id, [jid] = system.new_session(), system.new_groups(1)
    body = f"group_jid,phone\n,123\n{jid},\n,0501234567,surplus\n".encode()
    answer = await post(system, body, content_type="text/csv", session_id=session_id, message="hi")
    assert (answer.status, answer.json["queued_count"]) == (202, 1)
    assert answer.json["invalid_recipients"] == [
        {"index": 0, "reason": "too_short"},
        {"index": 2, "reason": "too_many_cells", "line": 4},
    ]


LATIN_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="campaign"\r\n\r\n{"message":"Sch\xf6n"}\r\n--x--\r\n'
)


async def test_a_request_that_cannot_be_understood_says_where(system: System) -> None:
    session_id = system.new_session()
    query = {"session_id": session_id, "message": "hi"}
    cases = [
        (await post(system, b"name\nAda\n", content_type="text/csv", **query), 400, "recipients"),
        (
            await post(system, b"phone\n0501234567\n", content_type="text/csv", message="hi"),
            400,
            "session_id",
        ),
        (
            await post(system, b"phone\n1\n", content_type="text/csv", **query, priority="urgent"),
            400,
            "priority",
        ),
        (await post(system, b"{", content_type="application/json"), 400, None),
        (await create(system, {"session_id": session_id, "recipients": []}), 400, "message"),
        (await post(system, b"a=b", content_type="application/x-www-form-urlencoded"), 415, None),
        (await post(system, _form(campaign="{}")), 400, "recipients"),
        (await post(system, _form(campaign='{"recipients": []}', file=True)), 400, "campaign.recipients"),
        (await post(system, _form(campaign="{}", file=True)), 400, "session_id"),
        (await post(system, LATIN_FORM, content_type="multipart/form-data; boundary=x"), 400, "campaign"),
        (await post(system, _form(campaign='{"x":' + "[" * 100_000, file=True)), 400, None),
    ]
    for answer, status, field in cases:
        assert (answer.status, answer.json.get("field")) == (status, field), answer
        assert answer.content_type == "application/problem+json"


def _form(*, campaign: str, file: bool = False) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("campaign", campaign)
    if file:
        form.add_field("recipients", b"phone\n0501234567\n", filename="list.csv")
    return form


async def test_the_three_kinds_of_body_and_the_key_are_documented(system: System) -> None:
    document = (await system.api.call("GET", "/schema/openapi.json")).json
    operation = document["paths"]["/api/campaigns"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/json", "text/csv", "multipart/form-data"}
    assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
    assert set(document["components"]["schemas"]) >= {"CampaignSpec", "RecipientSpec", "Proof"}
