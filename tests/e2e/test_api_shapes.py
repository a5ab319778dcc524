"""The shapes of the HTTP API: problems that name the field, keys and tenants, pages, filters, its own document."""

import uuid
from typing import Any

import pytest

from support.api import Answer, Api
from support.system import System

GROUP = "120363000000000777@g.us"


def request(**changes: Any) -> dict[str, Any]:
    """A creation that would be accepted, but for `changes`; None leaves a field out."""
    whole = {"session_id": "wa_shapes", "message": "hello", "recipients": [{"group_jid": GROUP}]} | changes
    return {name: value for name, value in whole.items() if value is not None}


def assert_problem(answer: Answer, status: int, field: str | None = None) -> dict[str, Any]:
    """Check that an answer is problem+json with this status and field; return it."""
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), answer
    problem: dict[str, Any] = answer.json
    assert (problem["status"], problem.get("field")) == (status, field), problem
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in answer.body.decode()
    return problem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"message": None}, "message"),
        ({"session_id": None}, "session_id"),
        ({"recipients": None}, "recipients"),
        ({"message": ""}, "message"),
        ({"message": 7}, "message"),
        ({"session_id": "no spaces, please"}, "session_id"),
        ({"recipients": "all"}, "recipients"),
        ({"recipients": []}, "recipients"),
        ({"recipients": [{"group_jid": 5}]}, "recipients[0].group_jid"),
        ({"priority": "urgent"}, "priority"),
        ({"media_type": "sculpture"}, "media_type"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"schedule_at": "2099-01-01T00:00:00Z"}, "schedule_at"),
        ({"groups": {"all": True, "query": "choir"}}, "groups.query"),
    ],
)
async def test_a_bad_creation_names_the_field(system: System, changes: dict[str, Any], field: str) -> None:
    answer = await system.api.call("POST", "/api/campaigns", request(**changes))
    problem = assert_problem(answer, 400, field)
    assert problem["code"]


LATIN = '{"session_id":"wa_shapes","message":"Sch\xf6n","recipients":[]}'.encode("latin-1")
DEEP = b'{"groups":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", LATIN, DEEP])
async def test_a_body_that_is_no_campaign_is_a_problem(system: System, body: bytes) -> None:
    assert_problem(await system.api.call("POST", "/api/campaigns", body), 400)


@pytest.mark.parametrize("body", [b'{"by":"J\xf6rg"}', DEEP], ids=["latin-1", "nested too deep"])
@pytest.mark.parametrize(
    "path", ["/api/sessions/wa_shapes/pause", f"/api/campaigns/{uuid.UUID(int=1)}/retry"]
)
async def test_a_body_that_no_decoder_gets_through_is_a_problem(
    system: System, path: str, body: bytes
) -> None:
    problem = assert_problem(await system.api.call("POST", path, body), 400)
    assert problem["code"] == "INVALID_REQUEST"


async def test_a_creation_that_nobody_would_get_says_why_each_was_left_out(system: System) -> None:
    recipients = [{"phone": "123"}, {"group_jid": "nobody"}, {}]
    problem = assert_problem(
        await system.api.call("POST", "/api/campaigns", request(recipients=recipients)), 400, "recipients"
    )
    assert problem["code"] == "NO_VALID_RECIPIENTS"
    assert [entry["index"] for entry in problem["invalid_recipients"]] == [0, 1, 2]
    assert all(entry["reason"] for entry in problem["invalid_recipients"])


async def test_a_creation_answers_with_proof(system: System) -> None:
    groups = system.new_groups(2)
    recipients = [{"group_jid": groups[0], "lead_id": "L1"}, {"group_jid": groups[1]}, {"phone": "12"}]
    wish = request(session_id=system.new_session(), recipients=recipients)
    answer = await system.api.call("POST", "/api/campaigns", wish)
    proof = answer.json
    assert (answer.status, proof["success"], proof["invalid_recipients_count"]) == (202, True, 1)
    assert (proof["queued_count"], proof["total_recipients"], proof["sent_count"]) == (2, 2, 0)
    assert proof["items"][0] == {"status": "queued", "group_jid": groups[0], "lead_id": "L1"}
    assert uuid.UUID(proof["broadcast_id"])
    await system.api.until_finished(proof["broadcast_id"])


@pytest.mark.parametrize("key", ["", "wrong-key-0123456789"])
@pytest.mark.parametrize("path", ["/api/campaigns", "/api/whatsapp/metrics"])
async def test_without_a_known_key_nothing_is_told(system: System, key: str, path: str) -> None:
    assert_problem(await Api(system.http, system.api.url, key).call("GET", path), 401)


async def test_a_campaign_of_another_tenant_is_not_there(system: System) -> None:
    (jid,) = system.new_groups(1)
    broadcast_id = await system.api.create(system.new_session(), [jid])
    place = f"/api/campaigns/{broadcast_id}"
    for path in (
        place,
        f"{place}/recipients",
        f"{place}/recipients/{jid}",
        f"{place}/recipients/{jid}/history",
    ):
        assert_problem(await system.other_api.call("GET", path), 404)
        assert (await system.api.call("GET", path)).status == 200
    theirs = (await system.other_api.call("GET", "/api/campaigns", limit="1000")).json["items"]
    assert broadcast_id not in [campaign["broadcast_id"] for campaign in theirs]
    assert_problem(await system.api.call("GET", f"/api/campaigns/{uuid.uuid4()}"), 404)
    await system.api.until_finished(broadcast_id)


async def test_pages_hold_every_recipient_once_in_the_order_of_the_request(system: System) -> None:
    groups = system.new_groups(7)
    broadcast_id = await system.api.create(system.new_session(), groups)
    await system.api.until_finished(broadcast_id)
    path, after, sizes, found = f"/api/campaigns/{broadcast_id}/recipients", {}, [], []
    while after is not None:
        page = (await system.api.call("GET", path, limit="3", **after)).json
        sizes.append(len(page["items"]))
        found += [item["recipient"] for item in page["items"]]
        after = {"after": page["next"]} if page["next"] else None
    assert (sizes, found) == ([3, 3, 1], groups)


async def test_pages_of_campaigns_go_back_from_the_newest(system: System) -> None:
    created = [
        await system.other_api.create(system.new_session(), system.new_groups(1), message=f"hello {number}")
        for number in range(3)
    ]
    first = (await system.other_api.call("GET", "/api/campaigns", limit="2")).json
    second = (await system.other_api.call("GET", "/api/campaigns", limit="1", after=first["next"])).json
    seen = [campaign["broadcast_id"] for campaign in first["items"] + second["items"]]
    assert seen == created[::-1]


async def test_recipients_can_be_filtered_by_status(system: System) -> None:
    groups = system.new_groups(4)
    await system.vps.put_recipients(groups[:1], reject=1.0)
    broadcast_id = await system.api.create(system.new_session(), groups)
    await system.api.until_outcome(broadcast_id, "partial", 3, 1)
    assert list(await system.api.recipients(broadcast_id, status="failed")) == groups[:1]
    assert list(await system.api.recipients(broadcast_id, status="sent")) == groups[1:]
    assert await system.api.recipients(broadcast_id, status="queued") == {}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "happy"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"after": "?"}, "after"),
        ({"state": "failed"}, "state"),
        ({"Status": "failed"}, "Status"),
    ],
)
async def test_a_bad_parameter_is_named(system: System, query: dict[str, str], field: str) -> None:
    broadcast_id = await system.api.create(system.new_session(), system.new_groups(1))
    answer = await system.api.call("GET", f"/api/campaigns/{broadcast_id}/recipients", **query)
    assert_problem(answer, 400, field)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/campaigns/{id}/retry", {"recipient": ["x@g.us"]}, "recipient"),
        ("/api/campaigns/{id}/confirm", {"outcome": "sent", "recipient": ["x@g.us"]}, "recipient"),
        ("/api/campaigns/{id}/cancel", {"reason": "typo"}, "reason"),
        ("/api/dead/redrive", {"filter": {}, "dryrun": True}, "dryrun"),
        ("/api/quarantine/redrive", {"filter": {}, "dryrun": True}, "dryrun"),
        ("/api/attention/message-x/retry", {"because": "typo"}, "because"),
        ("/api/sessions/wa_x/pause", {"reason": "typo"}, "reason"),
        ("/api/keys", {"label": "x", "tenant": "other"}, "tenant"),
    ],
)
async def test_a_misspelt_field_is_named_and_nothing_is_done(
    system: System, path: str, body: dict[str, Any], field: str
) -> None:
    """What it was meant to narrow would go to all."""
    answer = await system.api.call("POST", path.replace("{id}", str(uuid.uuid4())), body)
    assert_problem(answer, 400, field)


async def test_every_parameter_of_the_document_is_taken(system: System) -> None:
    document = (await system.api.call("GET", "/schema/openapi.json")).json
    for path, item in document["paths"].items():
        for parameter in item.get("get", {}).get("parameters", []):
            if parameter["in"] == "query" and "{" not in path:
                answer = await system.api.call("GET", path, **{parameter["name"]: "?"})
                assert "no parameter of this call" not in answer.body.decode(), answer


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("DELETE", "/api/campaigns", 405)]
)
async def test_what_is_not_there_is_a_problem_too(
    system: System, method: str, path: str, status: int
) -> None:
    assert_problem(await system.api.call(method, path), status)


@pytest.mark.parametrize("path", ["/api/campaigns/nonsense", "/api/dead/nonsense", "/api/nothing"])
async def test_an_id_that_is_none_is_said_to_be_none(system: System, path: str) -> None:
    problem = assert_problem(await system.api.call("GET", path), 404)
    assert (problem["code"], "an id in it is none" in problem["detail"]) == ("NOT_FOUND", True)


async def test_the_openapi_document_is_served_and_knows_every_route(system: System) -> None:
    answer = await Api(system.http, system.api.url, "").call("GET", "/schema/openapi.json")
    document = answer.json
    assert answer.status == 200
    assert document["openapi"].startswith("3.")
    assert {"get", "post"} <= document["paths"]["/api/campaigns"].keys()
    assert {"/api/whatsapp/metrics", "/health/live", "/health/ready"} <= document["paths"].keys()
    assert [path for path in document["paths"] if path.endswith("/history")]


async def test_metrics_have_their_four_numbers(system: System) -> None:
    answer = await system.api.call("GET", "/api/whatsapp/metrics")
    assert answer.status == 200
    assert set(answer.json) == {"pending_count", "sent_last_5m", "failed_last_5m", "active_broadcasts"}
    assert all(isinstance(number, int) for number in answer.json.values())
