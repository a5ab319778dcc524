"""What somebody should look at: each kind is listed with what happened and what can be done, and decided upon once."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from support.api import Answer, Api
from support.callbacks import Callback, Message, now_ms, tell
from support.eventually import eventually
from support.system import System

SETTINGS = {"SILENCE_S": "600"}


async def listed(api: Api, **query: str) -> list[dict[str, Any]]:
    """All items, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.call("GET", "/api/attention", **{"limit": "1000", **query, **after})
        assert answer.status == 200, answer
        found += answer.json["items"]
        if answer.json["next"] is None:
            return found
        after = {"after": answer.json["next"]}


async def the_item(system: System, **query: str) -> dict[str, Any]:
    """Wait until there is just one such item."""

    async def one() -> dict[str, Any]:
        items = await listed(system.api, **query)
        assert len(items) == 1, items
        return items[0]

    return await eventually(one)


async def decide(api: Api, item: dict[str, Any], action: str, **words: str) -> Answer:
    return await api.call("POST", f"/api/attention/{quote(item['id'], safe='')}/{action}", words or None)


async def decided(system: System, item: dict[str, Any], action: str, **words: str) -> dict[str, Any]:
    answer = await decide(system.api, item, action, **words)
    assert answer.status == 200, answer
    return dict(answer.json)


async def refusal(system: System, item: dict[str, Any], action: str) -> str:
    answer = await decide(system.api, item, action)
    assert (answer.status, answer.content_type) == (409, "application/problem+json"), answer
    return str(answer.json["code"])


async def held(system: System, session_id: str | None = None) -> tuple[str, str, str]:
    """Let a message be held; return session, campaign and group."""
    session_id, (jid,) = session_id or system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], silent=True, message_status=False)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_step(broadcast_id, jid, "recipient.held")
    return session_id, broadcast_id, jid


async def failed(system: System, session_id: str | None = None) -> tuple[str, str, str]:
    """Let a message fail for good; return session, campaign and group."""
    session_id, (jid,) = session_id or system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], fail=1.0)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_outcome(broadcast_id, "failed", 0, 1)
    return session_id, broadcast_id, jid


async def test_a_held_message_is_listed_and_confirmed_by_somebody_who_looked(system: System) -> None:
    session_id, broadcast_id, jid = await held(system)
    item = await the_item(system, campaign=broadcast_id)
    assert (item["kind"], item["recipient"], item["session_id"]) == ("held", jid, session_id)
    assert item["what"] == (
        "Attempt 1 was handed to the VPS, and nobody can say whether it left. The VPS was asked and cannot tell."
    )
    assert item["risk"] == "Sent again it may arrive twice; given up it may have arrived all the same."
    assert item["actions"] == ["retry", "confirm_sent", "give_up"]
    assert jid not in item["id"]
    assert await refusal(system, item, "dismiss") == "NOT_SETTLED"

    done = await decided(system, item, "confirm_sent", by="dana", why="seen on the phone")
    assert (done["changed"], done["status"]) == (True, "sent")
    step = (await system.api.history(broadcast_id, jid))[-1]
    assert (step.event, step.details["by"], step.details["why"]) == (
        "recipient.sent", "dana", "seen on the phone",
    )  # fmt: skip
    assert await listed(system.api, campaign=broadcast_id) == []
    again = await decided(system, item, "confirm_sent", by="erin")
    assert (again["changed"], again["status"]) == (False, "sent")
    assert await refusal(system, item, "give_up") == "NOT_UNCONFIRMED"
    assert await refusal(system, item, "retry") == "NOT_FAILED"
    await system.api.until_outcome(broadcast_id, "completed", 1, 0)


async def test_a_held_message_is_given_up_once_and_is_no_dead_letter_then(system: System) -> None:
    _, broadcast_id, jid = await held(system)
    item = await the_item(system, campaign=broadcast_id)
    assert (await decided(system, item, "give_up", by="dana", why="not there"))["status"] == "failed"
    assert (await decided(system, item, "give_up"))["changed"] is False
    assert await listed(system.api, campaign=broadcast_id) == []
    recipient = await system.api.recipient(broadcast_id, jid)
    assert (recipient.status, recipient.error_message) == ("failed", "not there")


async def test_a_held_message_that_is_sent_again_is_sent_once_where_the_vps_drops_repeats(
    system: System,
) -> None:
    session_id, broadcast_id, jid = await held(system)
    item = await the_item(system, campaign=broadcast_id)
    await system.vps.put_recipients([jid], message_status=True)
    assert (await decided(system, item, "retry", by="dana"))["changed"]
    await system.api.until_finished(broadcast_id)
    assert (await decided(system, item, "retry"))["changed"] is False
    assert await refusal(system, item, "give_up") == "SUPERSEDED"
    assert (await system.ledger(session_id)).per_recipient == {jid: 1}


async def test_a_dead_letter_is_sent_again_or_let_be(system: System) -> None:
    session_id, first_id, first = await failed(system)
    _, second_id, second = await failed(system, session_id)
    items = await listed(system.api, session_id=session_id)
    assert [(item["kind"], item["recipient"]) for item in items] == [
        ("dead_letter", second),
        ("dead_letter", first),
    ]
    assert items[0]["what"].startswith("It failed for good after 3 attempts: ")
    assert await refusal(system, items[0], "give_up") == "FAILED_ALREADY"

    await system.vps.put_recipients([second])
    assert (await decided(system, items[0], "retry", by="dana"))["status"] == "queued"
    await system.api.until_outcome(second_id, "completed", 1, 0)
    assert (await decided(system, items[1], "dismiss", by="dana", why="wrong number"))["changed"]
    assert (await decided(system, items[1], "dismiss"))["changed"] is False
    assert await listed(system.api, session_id=session_id) == []
    assert (await system.api.campaign(first_id)).outcome == ("failed", 0, 1)
    [told] = await system.truth.fetch(
        "SELECT data->>'by' AS by, data->>'why' AS why FROM events WHERE stream = 'attention-acme+' || $1",
        items[1]["id"],
    )
    assert (told["by"], told["why"]) == ("dana", "wrong number")


async def test_a_message_that_fails_again_asks_again(system: System) -> None:
    _, broadcast_id, jid = await failed(system)
    first = await the_item(system, campaign=broadcast_id)
    await decided(system, first, "dismiss")
    answer = await system.api.call("POST", f"/api/campaigns/{broadcast_id}/retry", {"recipients": [jid]})
    assert answer.status == 202, answer

    again = await the_item(system, campaign=broadcast_id, kind="dead_letter")
    assert again["id"] != first["id"]
    assert await refusal(system, first, "dismiss") == "SUPERSEDED"


async def test_callbacks_that_nobody_could_place_are_listed_and_only_dismissed(system: System) -> None:
    session_id, broadcast_id, jid = await held(system)
    other_id = await system.api.create(session_id, [jid], message="another")
    await system.api.until_step(other_id, jid, "recipient.held")
    await tell(
        system.vps,
        Message(session_id, jid, "3EB0FOREIGN").sent(now_ms()),
        Message(session_id, jid, "3EB0NOBODYS").refused(420, "no"),
    )
    await system.until_quiet()
    items = {item["kind"]: item for item in await listed(system.api, session_id=session_id)}
    assert items.keys() == {"held", "ambiguous_callback", "unmatched_callback"}
    ambiguous, unmatched = items["ambiguous_callback"], items["unmatched_callback"]
    assert "more than one message was open there" in ambiguous["what"]
    assert "message.errored for message 3EB0NOBODYS" in unmatched["what"]
    assert (ambiguous["actions"], ambiguous["recipient"]) == (["dismiss"], jid)
    assert await refusal(system, ambiguous, "retry") == "NOT_POSSIBLE"
    for item in (ambiguous, unmatched):
        assert (await decided(system, item, "dismiss"))["changed"]
    kinds = {item["kind"] for item in await listed(system.api, session_id=session_id)}
    assert kinds == {"held"}
    statuses = [(await system.api.recipient(each, jid)).status for each in (broadcast_id, other_id)]
    assert statuses == ["unconfirmed", "unconfirmed"], "what is ambiguous is applied to nobody"


async def test_a_stopped_session_is_listed_and_let_go_on(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], error_ack=1.0, error_code=463, error_first=1.0)
    await system.api.until_finished(await system.api.create(session_id, [jid]))
    item = await the_item(system, session_id=session_id, kind="session")
    assert item["what"].startswith("WhatsApp restricted the account: Error 463")
    assert item["actions"] == ["retry", "dismiss"]
    assert await refusal(system, item, "give_up") == "NOT_POSSIBLE"
    assert (await decided(system, item, "retry", by="ann", why="the account is free again"))["changed"]
    assert (await decided(system, item, "retry"))["changed"] is False
    assert await listed(system.api, session_id=session_id, kind="session") == []
    view = (await system.api.call("GET", f"/api/sessions/{session_id}")).json
    assert (view["stopped"], view["sendable"]) == (False, True)


async def test_a_disconnected_session_can_only_be_dismissed_and_asks_again_the_next_time(
    system: System,
) -> None:
    session_id = system.new_session()
    await system.api.until_finished(await system.api.create(session_id, system.new_groups(1)))
    await system.vps.set_state(session_id, "disconnected")
    item = await the_item(system, session_id=session_id, kind="session")
    assert (item["what"], item["actions"]) == ("It is not connected.", ["dismiss"])
    assert await refusal(system, item, "retry") == "NOT_HELD"
    await decided(system, item, "dismiss")
    assert await listed(system.api, session_id=session_id) == []
    await system.vps.set_state(session_id, "connected")
    await system.until_quiet()
    await system.vps.set_state(session_id, "qr")
    assert (await the_item(system, session_id=session_id, kind="session"))["id"] != item["id"]


async def test_what_the_gateway_could_not_read_is_listed_without_its_words_to_other_tenants(
    system: System,
) -> None:
    answer = await system.vps.send_callback("send-callback", {"event": "message_sent", "sessionId": 7})
    assert answer.answer == "400", answer
    item = await the_item(system, kind="quarantined")
    assert item["what"].endswith("could not be read.")
    assert item["actions"] == ["dismiss"]
    [kept] = await system.truth.fetch("SELECT reason, beginning FROM quarantine")
    assert kept["reason"]
    assert '"message_sent"' in kept["beginning"]
    assert (await decided(system, item, "dismiss", by="dana"))["changed"]
    assert await listed(system.api, kind="quarantined") == []
    assert len(await listed(system.other_api, kind="quarantined")) == 1, (
        "what one lets be, another still sees"
    )


async def test_nobody_sees_or_decides_on_what_is_anothers(system: System) -> None:
    session_id, broadcast_id, _ = await held(system)
    _, failed_id, _ = await failed(system)
    await tell(
        system.vps,
        Callback("message-error", {
            "event": "message_error", "sessionId": session_id, "messageId": "3EB0ELSEWHERE", "errorCode": 420,
            "errorMessage": "no",
        }),
    )  # fmt: skip
    await system.until_quiet()
    await system.vps.set_state(session_id, "disconnected")
    await the_item(system, session_id=session_id, kind="session")
    mine = [
        *await listed(system.api, session_id=session_id),
        *await listed(system.api, campaign=failed_id),
    ]
    assert {item["kind"] for item in mine} == {"held", "unmatched_callback", "session", "dead_letter"}
    others = {item["id"] for item in await listed(system.other_api)}
    assert others.isdisjoint(item["id"] for item in mine)
    assert await listed(system.other_api, campaign=broadcast_id) == []
    for item in mine:
        for action in ("retry", "confirm_sent", "give_up", "dismiss"):
            answer = await decide(system.other_api, item, action)
            assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND"), (item, action)
    assert (await system.api.campaign(broadcast_id)).counts["unconfirmed"] == 1


async def test_the_list_is_the_same_page_by_page(system: System) -> None:
    session_id, _, _ = await held(system)
    for _ in range(3):
        await failed(system, session_id)
    whole = await listed(system.api)
    assert await listed(system.api, limit="1") == whole
    assert await listed(system.api, limit="2") == whole
    assert len({item["id"] for item in whole}) == len(whole) >= 4
    since = [datetime.fromisoformat(item["since"]) for item in whole]
    assert since == sorted(since, reverse=True)


@pytest.mark.parametrize(
    ("item_id", "status"),
    [
        ("message-00000000-0000-4000-8000-000000000000", 404),
        ("message-no-id", 404),
        ("session-1-nobody", 404),
        ("session-x-nobody", 404),
        ("callback-nothing", 404),
        ("quarantined-nothing", 404),
        ("nonsense", 404),
    ],
)
async def test_an_item_that_nobody_knows_is_not_found(system: System, item_id: str, status: int) -> None:
    answer = await decide(system.api, {"id": item_id}, "dismiss")
    assert (answer.status, answer.json["code"]) == (status, "NOT_FOUND")


async def test_bad_requests_name_the_field(system: System) -> None:
    for query, field in (
        ({"kind": "strange"}, "kind"),
        ({"campaign": "x"}, "campaign"),
        ({"after": "?"}, "after"),
    ):
        answer = await system.api.call("GET", "/api/attention", **query)
        assert (answer.status, answer.json["field"]) == (400, field), answer
    answer = await decide(system.api, {"id": "callback-x"}, "explode")
    assert (answer.status, answer.json["field"]) == (400, "action"), answer
    answer = await decide(system.api, {"id": "callback-x"}, "dismiss", by="")
    assert (answer.status, answer.json["field"]) == (400, "by")


async def test_a_rebuild_finds_all_of_it_as_it_is(system: System) -> None:
    done = await system.run("rebuild", "--verify")
    assert done.code == 0, done.output
