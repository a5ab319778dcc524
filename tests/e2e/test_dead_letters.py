"""Messages that failed for good: listed, looked into, and sent again, singly or by what they have in common."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.api import Answer, Api
from support.system import System

ALONE = True


async def failed(
    system: System, count: int = 1, session_id: str | None = None, **knobs: float
) -> tuple[str, str, list[str]]:
    """Let messages fail for good; return session, campaign and groups."""
    session_id, groups = session_id or system.new_session(), system.new_groups(count)
    await system.vps.put_recipients(groups, **(knobs or {"reject": 1.0}))
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "failed", 0, count)
    return session_id, broadcast_id, groups


async def listed(api: Api, **query: str) -> list[dict[str, Any]]:
    """All dead letters, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.call("GET", "/api/dead", **{"limit": "1000", **query, **after})
        assert answer.status == 200, answer
        found += answer.json["items"]
        if answer.json["next"] is None:
            return found
        after = {"after": answer.json["next"]}


async def redrive(api: Api, **body: object) -> Answer:
    return await api.call("POST", "/api/dead/redrive", body)


async def redriven(system: System, **body: object) -> dict[str, Any]:
    answer = await redrive(system.api, **body)
    assert answer.status == 202, answer
    return dict(answer.json)


async def test_a_dead_letter_is_listed_and_shown_with_its_attempts_and_the_words_of_the_vps(
    system: System,
) -> None:
    session_id, broadcast_id, (jid,) = await failed(system, fail=1.0)
    [letter] = await listed(system.api, campaign=broadcast_id)
    assert (letter["recipient"], letter["session_id"], letter["attempts"]) == (jid, session_id, 3)
    assert letter["error_message"]
    answer = await system.api.call("GET", f"/api/dead/{letter['id']}")
    shown = answer.json
    assert (shown["dead"], shown["status"], shown["message"]) == (True, "failed", "hello")
    assert [attempt["number"] for attempt in shown["attempts"]] == [1, 2, 3]
    assert all(attempt["vps_error"] and attempt["failed_at"] for attempt in shown["attempts"])
    assert len({attempt["message_id"] for attempt in shown["attempts"]}) == 3


async def test_the_text_is_shown_as_it_was_sent(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], reject=1.0)
    recipients = [{"group_jid": jid, "fields": {"city": "Haifa"}}]
    body = {"session_id": session_id, "message": "Hello {{city}}", "recipients": recipients}
    created = (await system.api.call("POST", "/api/campaigns", body)).json
    await system.api.until_outcome(created["broadcast_id"], "failed", 0, 1)
    [letter] = await listed(system.api, session_id=session_id)
    assert letter["vps_error"]
    shown = (await system.api.call("GET", f"/api/dead/{letter['id']}")).json
    assert shown["message"] == "Hello Haifa"


async def test_filters_find_what_they_say(system: System) -> None:
    session_id, first_id, _ = await failed(system, 2)
    later = datetime.now(UTC)
    _, second_id, (jid,) = await failed(system, 1, session_id, error_ack=1.0)
    everything = await listed(system.api, session_id=session_id)
    assert len(everything) == 3
    assert everything[0]["recipient"] == jid, "newest first"
    assert {one["broadcast_id"] for one in await listed(system.api, campaign=first_id)} == {first_id}
    since = {"since": later.isoformat(), "session_id": session_id}
    assert [one["broadcast_id"] for one in await listed(system.api, **since)] == [second_id]
    code = str(everything[0]["error_code"])
    by_code = await listed(system.api, session_id=session_id, error_code=code)
    assert [one["recipient"] for one in by_code] == [jid]
    assert await listed(system.api, session_id=session_id, limit="1") == everything
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await listed(system.api, since=future) == []


async def test_named_letters_are_sent_again_as_often_as_somebody_wants_and_each_time_once(
    system: System,
) -> None:
    session_id, broadcast_id, (jid,) = await failed(system)
    seen: set[str] = set()
    for _ in range(2):
        [letter] = await listed(system.api, session_id=session_id)
        assert letter["id"] not in seen
        seen.add(letter["id"])
        dry = await redriven(system, ids=[letter["id"]], dry_run=True)
        assert (dry["dry_run"], dry["redriven"]) == (True, 1)
        done = await redriven(system, ids=[letter["id"], letter["id"]], by="dana", why="try again")
        assert (done["redriven"], done["already"], done["refused"]) == (1, 0, [])
        assert (await redriven(system, ids=[letter["id"]]))["already"] == 1
        await system.api.until_outcome(broadcast_id, "failed", 0, 1)
    await system.vps.put_recipients([jid])
    [letter] = await listed(system.api, session_id=session_id)
    await redriven(system, ids=[letter["id"]])
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}
    steps = await system.api.history(broadcast_id, jid)
    requeued = [step.details for step in steps if step.event == "recipient.requeued"]
    assert [(one["by"], one["why"]) for one in requeued] == [("dana", "try again")] * 2 + [("acme", None)]
    assert await listed(system.api, session_id=session_id) == []
    shown = (await system.api.call("GET", f"/api/dead/{letter['id']}")).json
    assert (shown["dead"], shown["status"]) == (False, "sent")
    refused = (await redriven(system, ids=[letter["id"]]))["already"]
    assert refused == 1, "it was sent again already"


async def test_what_a_filter_selects_is_sent_again_part_by_part_after_a_dry_run(system: System) -> None:
    session_id, first_id, groups = await failed(system, 20)
    _, second_id, others = await failed(system, 1, session_id)
    await system.vps.put_recipients([*groups, *others])
    wanted = {"campaign": first_id}
    dry = await redriven(system, filter=wanted, dry_run=True)
    assert dry["redriven"] == 20
    assert len(await listed(system.api, **wanted)) == 20
    assert (await redriven(system, filter=wanted, by="dana"))["redriven"] == 20
    await system.api.until_outcome(first_id, "completed", 20, 0)
    assert (await system.api.campaign(second_id)).outcome == ("failed", 0, 1)
    assert (await redriven(system, filter=wanted))["redriven"] == 0
    assert (await redriven(system, filter={"session_id": session_id}))["redriven"] == 1
    await system.api.until_outcome(second_id, "completed", 1, 0)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys([*groups, *others], 1)


async def test_what_cannot_be_sent_again_is_named_with_the_reason(system: System) -> None:
    session_id, (held,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([held], silent=True, message_status=False)
    held_id = await system.api.create(session_id, [held])
    await system.api.until_step(held_id, held, "recipient.held")
    items = (await system.api.call("GET", "/api/attention", campaign=held_id)).json["items"]
    attempt_id = items[0]["id"].removeprefix("message-")
    unknown = "00000000-0000-4000-8000-000000000000"
    done = await redriven(system, ids=[attempt_id, unknown])
    assert [(one["id"], one["code"]) for one in done["refused"]] == [
        (attempt_id, "OUTCOME_UNKNOWN"),
        (unknown, "NOT_FOUND"),
    ]
    assert await listed(system.api, campaign=held_id) == []


async def test_nobody_sees_or_sends_the_dead_letters_of_another_tenant(system: System) -> None:
    session_id, broadcast_id, _ = await failed(system)
    [letter] = await listed(system.api, session_id=session_id)
    assert await listed(system.other_api) == []
    assert await listed(system.other_api, campaign=broadcast_id) == []
    answer = await system.other_api.call("GET", f"/api/dead/{letter['id']}")
    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    answer = await redrive(system.other_api, ids=[letter["id"]])
    assert [one["code"] for one in answer.json["refused"]] == ["NOT_FOUND"]
    assert (await redrive(system.other_api, filter={"campaign": broadcast_id})).status == 404
    for wanted in ({}, {"session_id": session_id}):
        assert (await redrive(system.other_api, filter=wanted)).json["redriven"] == 0
    assert (await system.api.campaign(broadcast_id)).outcome == ("failed", 0, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": [], "dry_run": True}, "ids"),
        ({"ids": ["x"]}, "ids[0]"),
        ({"ids": ["00000000-0000-4000-8000-000000000000"], "filter": {}}, "ids"),
        ({"filter": {"campain": "x"}}, "filter.campain"),
        ({"filter": {"since": "yesterday"}}, "filter.since"),
        ({"filter": {}, "by": ""}, "by"),
    ],
)
async def test_a_redrive_that_does_not_say_which_is_refused(
    system: System, body: dict[str, object], field: str
) -> None:
    answer = await redrive(system.api, **body)
    assert (answer.status, answer.json["field"]) == (400, field), answer


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "2026-03-01T09:00:00"}, "since"),
        ({"since": "x"}, "since"),
        ({"error_code": "99999999999"}, "error_code"),
        ({"campaign": "x"}, "campaign"),
        ({"limit": "0"}, "limit"),
    ],
)
async def test_a_list_that_asks_for_nonsense_names_the_field(
    system: System, query: dict[str, str], field: str
) -> None:
    answer = await system.api.call("GET", "/api/dead", **query)
    assert (answer.status, answer.json["field"]) == (400, field), answer
