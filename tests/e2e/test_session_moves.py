"""A session that was connected anew has a new id: what the old one still had to send goes through the new one."""

from typing import Any

from contracts.envelope import type_of
from contracts.session_events import GroupCarriedOver
from local_stack.simulator.groups import Group
from support.operating import operate
from support.system import System
from support.truth import StoredEvent

SETTINGS = {"VPS_TIMEOUT_S": "3", "CALLBACK_DEADLINE_S": "30"}


async def post(system: System, path: str, body: object = None) -> dict[str, Any]:
    answer = await system.api.call("POST", f"/api/sessions/{path}", body)
    assert answer.status == 200, answer
    return dict(answer.json)


async def connected(system: System) -> str:
    """Return a session that the tenant has connected."""
    session_id = system.new_session()
    await post(system, f"{session_id}/connect")
    return session_id


async def held_back(system: System, session_id: str, groups: list[str]) -> str:
    """Return a campaign that waits for a session that is paused."""
    await post(system, f"{session_id}/pause")
    return await system.api.create(session_id, groups)


async def test_what_waits_for_the_old_session_goes_out_through_the_new_one(system: System) -> None:
    old, new, groups = await connected(system), await connected(system), system.new_groups(3)
    broadcast_id = await held_back(system, old, groups)
    moved = await post(system, f"{old}/move-to/{new}", {"by": "ann", "why": "reconnected"})
    assert (moved["campaigns"], moved["recipients"]) == (1, 3)
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 3, 0)
    assert (await system.ledger(new)).per_recipient == dict.fromkeys(groups, 1)
    assert (await system.ledger(old)).sent == 0
    [fact] = await system.truth.fetch(
        "SELECT data FROM events WHERE stream = 'campaign-' || $1 AND type = 'campaign.moved'", broadcast_id
    )
    for said in (
        '"by": "ann"',
        '"why": "reconnected"',
        f'"from_session_id": "{old}"',
        f'"session_id": "{new}"',
    ):
        assert said in fact[0]
    shown = (await system.api.call("GET", f"/api/sessions/{old}")).json
    assert shown["moved_to"] == new
    assert (await post(system, f"{old}/move-to/{new}"))["campaigns"] == 0


async def test_what_is_in_flight_stays_with_the_old_session_and_is_matched_there(system: System) -> None:
    old, new, groups = await connected(system), await connected(system), system.new_groups(3)
    await system.vps.put_recipients(groups[:1], hold=1.0, honour_message_id=False, echo_client_ref=False)
    broadcast_id = await system.api.create(old, groups[:1])
    await system.api.until_step(broadcast_id, groups[0], "recipient.accepted")
    await held_back(system, old, groups[1:])
    await post(system, f"{old}/move-to/{new}")
    await system.vps.release_burst()
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    assert (await system.ledger(old)).per_recipient == {groups[0]: 1}
    [settled] = [
        step for step in await system.api.history(broadcast_id, groups[0]) if step.event == "recipient.sent"
    ]
    assert settled.details["source"] == "callback"


async def test_a_retry_of_what_was_in_flight_goes_through_the_new_session(system: System) -> None:
    old, new, groups = await connected(system), await connected(system), system.new_groups(1)
    await system.vps.put_recipients(groups, fail=1.0, hold=1.0, only_first=1)
    broadcast_id = await system.api.create(old, groups)
    await system.api.until_step(broadcast_id, groups[0], "recipient.accepted")
    await post(system, f"{old}/move-to/{new}")
    await system.vps.release_burst()
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 1, 0)
    assert (await system.ledger(new)).per_recipient == {groups[0]: 1}
    sessions = await system.truth.fetch(
        "SELECT session_id FROM attempts WHERE campaign_id = $1::text::uuid ORDER BY number", broadcast_id
    )
    assert [row[0] for row in sessions] == [old, new]


async def test_groups_and_limits_go_with_it(system: System) -> None:
    old, new = await connected(system), await connected(system)
    team, news, parent = system.new_groups(3)
    listed = [
        Group(jid=team, name="Team"),
        Group(jid=news, name="News"),
        Group(jid=parent, name="P", is_community=True),
    ]
    await system.vps.set_groups(old, listed)
    await post(system, f"{old}/groups/sync")
    await system.vps.put_recipients([news], error_ack=1.0)
    await system.api.until_outcome(await system.api.create(old, [news]), "failed", 0, 1)
    path = f"/api/sessions/{old}/settings"
    assert (await system.api.call("PUT", path, {"daily_cap": 900})).status == 200
    assert (await post(system, f"{old}/move-to/{new}", {"by": "ann"}))["groups"] == 3
    found = (await system.api.call("GET", "/api/groups", session_id=new)).json["items"]
    assert [(item["name"], item["sendable"]) for item in found] == [("Team", True), ("News", False)]
    assert (await system.api.call("GET", "/api/groups", session_id=old, sendable="true")).json["items"] == []
    refused = await system.api.call(
        "POST", "/api/campaigns", {"session_id": new, "message": "hi", "recipients": [{"group_jid": parent}]}
    )
    assert refused.json["code"] == "NO_VALID_RECIPIENTS"
    assert (await system.api.call("GET", f"/api/sessions/{new}")).json["settings"]["daily_cap"] == 900


async def test_a_move_to_the_same_another_tenants_or_an_unknown_session_is_refused(system: System) -> None:
    old, other = await connected(system), system.new_session()
    assert (await system.other_api.call("POST", f"/api/sessions/{other}/connect")).status == 200
    for new, status in ((old, 400), (other, 404), ("wa_never_seen", 404)):
        answer = await system.api.call("POST", f"/api/sessions/{old}/move-to/{new}")
        assert answer.status == status, answer
    assert (await system.api.call("POST", f"/api/sessions/{other}/move-to/{old}")).status == 404
    assert (await system.api.call("GET", f"/api/sessions/{old}")).json["moved_to"] is None


async def test_the_command_line_moves_a_session(system: System) -> None:
    old, new, groups = await connected(system), await connected(system), system.new_groups(2)
    broadcast_id = await held_back(system, old, groups)
    await operate(system, "session", "move", old, new, expect=2)
    moved = await operate(system, "session", "move", old, new, "--yes", "--why", "connected anew")
    assert (moved.facts["campaigns"], moved.facts["recipients still to send to"]) == ("1", "2")
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 2, 0)


async def test_what_happens_to_a_session_and_its_groups_is_published_in_order(system: System) -> None:
    old, new = await connected(system), await connected(system)
    await system.vps.set_groups(old, [Group(jid=jid, name="Team") for jid in system.new_groups(3)])
    await post(system, f"{old}/groups/sync")
    await post(system, f"{old}/move-to/{new}", {"by": "ann", "why": "reconnected"})
    await system.truth.until_relayed()
    for session_id in (old, new):
        stored = await system.truth.session_events(session_id)
        told = await system.bus.session_events(session_id)
        assert [StoredEvent(event.id, event.position, type_of(event)) for event in told] == stored
    carried = [event for event in told if isinstance(event, GroupCarriedOver)]
    assert {(event.tenant, event.by, event.why, event.from_session_id) for event in carried} == {
        ("acme", "ann", "reconnected", old)
    }
    assert len(carried) == 3


async def test_rebuild_verify_finds_no_difference_in_all_that(system: System) -> None:
    await system.until_quiet()
    ended = await system.run("rebuild", "--verify")
    assert ended.code == 0, ended.output
    assert (await system.run("rebuild")).code == 0
    assert (await system.run("rebuild", "--verify")).code == 0
