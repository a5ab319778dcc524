"""The directory of groups: what the VPS lists, what members do, and what is refused before it leaves."""

from typing import Any

import pytest

from local_stack.simulator.groups import Group
from support.eventually import eventually
from support.system import System

SETTINGS = {"VERIFY_S": "5"}


async def sync(system: System, session_id: str) -> dict[str, Any]:
    answer = await system.api.call("POST", f"/api/sessions/{session_id}/groups/sync")
    assert answer.status == 200, answer
    return dict(answer.json)


async def groups_of(system: System, session_id: str, **query: str) -> dict[str, dict[str, Any]]:
    """All groups of a session by JID, page by page."""
    found: dict[str, dict[str, Any]] = {}
    after: dict[str, str] = {}
    while True:
        answer = await system.api.call(
            "GET", "/api/groups", session_id=session_id, limit="2", **query, **after
        )
        assert answer.status == 200, answer
        found |= {item["group_jid"]: item for item in answer.json["items"]}
        if answer.json["next"] is None:
            return found
        after = {"after": answer.json["next"]}


async def with_groups(system: System, count: int = 4) -> tuple[str, list[str]]:
    """Return a session whose first group is a community parent and whose second announces; all are synced."""
    session_id, jids = system.new_session(), system.new_groups(count)
    listed = [
        Group(jid=jids[0], name="Community", is_community=True),
        Group(jid=jids[1], name="News 100%", participants=7, is_community_announce=True),
        *(
            Group(jid=jid, name=f"Team {at}", participants=at, is_admin=True)
            for at, jid in enumerate(jids[2:])
        ),
    ]
    await system.vps.set_groups(session_id, listed)
    assert (await sync(system, session_id))["groups"] == count - 1
    return session_id, jids


@pytest.mark.parametrize("wrapped", [True, False])
async def test_all_shapes_come_to_the_same_and_a_repeat_changes_nothing(
    system: System, wrapped: bool
) -> None:
    await system.vps.turn(
        groups_wrapped=wrapped, groups_id="mixed", groups_name="mixed", groups_participants="mixed"
    )
    session_id, jids = await with_groups(system, 8)
    found = await groups_of(system, session_id)
    assert list(found) == sorted(jids[1:])
    assert [found[jid]["member_count"] for jid in jids[1:]] == [7, 0, 1, 2, 3, 4, 5]
    before = await system.truth.fetch("SELECT count(*) FROM events WHERE stream LIKE 'group-%'")
    again = await sync(system, session_id)
    assert again == {
        "success": True, "session_id": session_id, "groups": 7, "community_parents": 1, "gone": 0, "ignored": 0,
    }  # fmt: skip
    assert await system.truth.fetch("SELECT count(*) FROM events WHERE stream LIKE 'group-%'") == before
    assert await groups_of(system, session_id) == found
    await system.vps.turn(
        groups_wrapped=True, groups_id="id", groups_name="name", groups_participants="number"
    )


async def test_groups_are_found_by_name_and_by_what_may_be_sent_to(system: System) -> None:
    session_id, jids = await with_groups(system)
    assert list(await groups_of(system, session_id, query="tEAm")) == sorted(jids[2:])
    assert list(await groups_of(system, session_id, query="100%")) == [jids[1]]
    assert list(await groups_of(system, session_id, query="_")) == []
    assert list(await groups_of(system, session_id, sendable="true")) == sorted(jids[2:])
    assert list(await groups_of(system, session_id, sendable="false")) == [jids[1]]
    answer = await system.other_api.call("GET", "/api/groups", session_id=session_id)
    assert answer.json["items"] == []


async def test_a_community_parent_is_never_stored_and_is_removed_if_it_was(system: System) -> None:
    session_id, jids = await with_groups(system)
    assert jids[0] not in await groups_of(system, session_id)
    await system.vps.set_groups(session_id, [Group(jid=jids[2], name="Team 0", is_community=True)])
    synced = await sync(system, session_id)
    assert (synced["groups"], synced["community_parents"], synced["gone"]) == (0, 1, 2)
    found = await groups_of(system, session_id)
    assert set(found) == {jids[1], jids[3]}
    assert all(group["gone_at"] and not group["sendable"] for group in found.values())
    rows = await system.truth.fetch(
        "SELECT 1 FROM group_directory WHERE group_jid = ANY($1)", [jids[0], jids[2]]
    )
    assert rows == []


async def test_a_send_to_a_community_parent_is_skipped_with_the_reason_and_never_leaves(
    system: System,
) -> None:
    session_id, jids = await with_groups(system)
    broadcast_id = await system.api.create(session_id, [jids[0], jids[2]])
    campaign = await system.api.until_finished(broadcast_id)
    assert campaign.outcome == ("completed", 1, 0)
    assert campaign.counts["skipped"] == 1
    skipped = await system.api.recipient(broadcast_id, jids[0])
    assert (skipped.status, skipped.attempt) == ("skipped", 0)
    assert "community parent" in str(skipped.error_message)
    assert (await system.ledger(session_id)).per_recipient == {jids[2]: 1}


async def test_a_campaign_to_nothing_but_community_parents_is_refused(system: System) -> None:
    session_id, jids = await with_groups(system)
    answer = await system.api.call(
        "POST",
        "/api/campaigns",
        {"session_id": session_id, "message": "hi", "recipients": [{"group_jid": jids[0]}]},
    )
    assert (answer.status, answer.json["code"]) == (400, "NO_VALID_RECIPIENTS")
    assert (await system.ledger(session_id)).sent == 0


async def test_a_group_that_answered_420_is_skipped_until_the_next_sync(system: System) -> None:
    session_id, jids = await with_groups(system)
    await system.vps.put_recipients([jids[2]], error_ack=1.0, error_code=420, only_first=1)
    first = await system.api.create(session_id, [jids[2]])
    assert (await system.api.until_outcome(first, "failed", 0, 1)).failed_count == 1
    marked = (await groups_of(system, session_id))[jids[2]]
    assert marked["refused_at"]
    assert not marked["sendable"]
    second = await system.api.create(session_id, [jids[2], jids[3]], message="second")
    assert (await system.api.until_finished(second)).outcome == ("completed", 1, 0)
    assert (await system.api.recipient(second, jids[2])).status == "skipped"
    await sync(system, session_id)
    assert (await groups_of(system, session_id))[jids[2]]["refused_at"] is None
    third = await system.api.create(session_id, [jids[2]], message="third")
    assert (await system.api.until_finished(third)).outcome == ("completed", 1, 0)


async def test_a_group_that_refused_while_others_waited_is_skipped_before_it_leaves(system: System) -> None:
    session_id, jids = await with_groups(system)
    await system.api.call("POST", f"/api/sessions/{session_id}/pause")
    waiting = await system.api.create(session_id, [jids[2]], message="waits")
    await system.vps.set_groups(session_id, [Group(jid=jids[2], name="Team 0", is_community=True)])
    await sync(system, session_id)
    await system.api.call("POST", f"/api/sessions/{session_id}/resume")
    campaign = await system.api.until_finished(waiting)
    assert (campaign.outcome, campaign.counts["skipped"]) == (("failed", 0, 0), 1)
    assert (await system.ledger(session_id)).sent == 0


async def member(system: System, event: str, session_id: str, jid: str, phone: str, at: str) -> None:
    body = {
        "event": event,
        "sessionId": session_id,
        "groupJid": jid,
        "participant": {"phone": phone},
        "timestamp": at,
    }
    assert (await system.vps.send_callback("membership", body)).answer == "202"


async def until_members(system: System, session_id: str, jid: str, count: int) -> None:
    async def counted() -> bool:
        group = (await groups_of(system, session_id))[jid]
        assert group["member_count"] == count, group
        return True

    await eventually(counted, 15)


async def test_members_come_and_go_once_however_many_sessions_tell_it(system: System) -> None:
    session_id, jids = await with_groups(system)
    other = system.new_session()
    await system.vps.set_groups(other, [Group(jid=jids[3], name="Team 1", participants=1)])
    await sync(system, other)
    for teller in (session_id, other, session_id):
        await member(system, "join", teller, jids[3], "919812345678", "2099-01-01T00:00:00Z")
        await member(system, "leave", teller, jids[3], "919812345679", "2099-01-01T00:00:01Z")
        await member(system, "join", teller, jids[3], "919812345670", "2099-01-01T00:00:02Z")
    for sees in (session_id, other):
        await until_members(system, sees, jids[3], 2)


async def test_members_of_a_group_that_is_not_known_yet_count_once_it_is(system: System) -> None:
    session_id, jids = system.new_session(), system.new_groups(1)
    await member(system, "join", session_id, jids[0], "919812345678", "2099-01-01T00:00:00Z")
    await member(system, "join", session_id, jids[0], "919812345679", "2020-01-01T00:00:00Z")
    await system.bus.until_consumed(15)
    await system.vps.set_groups(session_id, [Group(jid=jids[0], name="Late", participants=5)])
    await sync(system, session_id)
    await until_members(system, session_id, jids[0], 6)


async def test_a_session_that_is_down_or_a_vps_that_is_away_makes_no_group_vanish(system: System) -> None:
    session_id, jids = await with_groups(system)
    await system.vps.set_state(session_id, "disconnected", tell=False)
    path = f"/api/sessions/{session_id}/groups/sync"
    answer = await system.api.call("POST", path)
    assert (answer.status, answer.json["code"]) == (409, "WHATSAPP_NOT_CONNECTED")
    system.vps_process.stop()
    answer = await system.api.call("POST", path)
    assert (answer.status, answer.json["code"]) == (502, "VPS_UNREACHABLE")
    await system.start("simulator")
    assert all(group["gone_at"] is None for group in (await groups_of(system, session_id)).values())
    assert len(jids) == 4


async def test_rebuild_verify_finds_no_difference_in_all_that(system: System) -> None:
    await system.until_quiet()
    ended = await system.run("rebuild", "--verify")
    assert ended.code == 0, ended.output
