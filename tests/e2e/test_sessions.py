"""Sessions as an operator sees them: the truth about each, and what may leave through it."""

from typing import Any

import pytest

from support.eventually import eventually
from support.system import System

SETTINGS = {"VERIFY_S": "0.3", "SILENCE_S": "5", "CALLBACK_DEADLINE_S": "0.5", "SESSION_PARK_S": "0.5,1,2"}


async def session(system: System, session_id: str) -> dict[str, Any]:
    answer = await system.api.call("GET", f"/api/sessions/{session_id}")
    assert answer.status == 200, answer
    return dict(answer.json)


async def until(system: System, session_id: str, **fields: object) -> dict[str, Any]:
    """Wait until a session shows these."""

    async def shows() -> dict[str, Any]:
        view = await session(system, session_id)
        assert {name: view[name] for name in fields} == fields, view
        return view

    return await eventually(shows, 15)


async def act(system: System, session_id: str, verb: str, body: object = None) -> dict[str, Any]:
    answer = await system.api.call("POST", f"/api/sessions/{session_id}/{verb}", body)
    assert answer.status == 200, answer
    return dict(answer.json)


async def used(system: System) -> str:
    """Return a session that has sent one message."""
    session_id = system.new_session()
    await system.api.until_finished(await system.api.create(session_id, system.new_groups(1)))
    return session_id


async def test_a_session_appears_with_its_first_campaign_and_is_its_tenants(system: System) -> None:
    session_id = await used(system)
    view = await until(system, session_id, status="connected", connection="Connected", tenant="acme")
    assert view["phone_number"].startswith("91")
    assert view["last_verified_at"] is not None
    assert (view["needs_attention"], view["sendable"]) == (False, True)
    listed = (await system.api.call("GET", "/api/sessions", limit="1000")).json["items"]
    assert session_id in [item["session_id"] for item in listed]
    for method, path in (("GET", ""), ("POST", "/verify"), ("POST", "/pause"), ("POST", "/groups/sync")):
        answer = await system.other_api.call(method, f"/api/sessions/{session_id}{path}")
        assert answer.status == 404, (path, answer)
    others = (await system.other_api.call("GET", "/api/sessions", limit="1000")).json["items"]
    assert session_id not in [item["session_id"] for item in others]


async def test_nobody_sends_through_another_tenants_session(system: System) -> None:
    session_id = await used(system)
    recipients = [{"group_jid": jid} for jid in system.new_groups(1)]
    body = {"session_id": session_id, "message": "hi", "recipients": recipients}
    assert (await system.other_api.call("POST", "/api/campaigns", body)).status == 404
    assert (await system.ledger(session_id)).sent == 1


async def test_sessions_are_listed_page_by_page(system: System) -> None:
    mine = {await used(system) for _ in range(2)}
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await system.api.call("GET", "/api/sessions", limit="1", **after)).json
        found += [item["session_id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert mine <= set(found)
    assert found == sorted(set(found))


async def test_a_mismatch_is_found_and_corrected_without_a_callback(system: System) -> None:
    session_id = await used(system)
    await until(system, session_id, status="connected")
    await system.vps.set_state(session_id, "disconnected", tell=False)
    view = await until(system, session_id, status="disconnected", needs_attention=True)
    assert view["connection"] == "Disconnected \N{EN DASH} reconnect needed"
    assert view["last_error"] == "the VPS says disconnected, and we believed connected"
    assert view["last_error_at"] is not None


async def test_an_operator_verifies_at_once(system: System) -> None:
    session_id = await used(system)
    await until(system, session_id, status="connected")
    await system.vps.set_state(session_id, "qr", tell=False)
    assert (await act(system, session_id, "verify"))["status"] == "qr"


async def test_whoever_opens_a_page_of_sessions_has_all_of_them_verified(system: System) -> None:
    lost, kept = await used(system), await used(system)
    for session_id in (lost, kept):
        await until(system, session_id, status="connected")
    await system.vps.set_state(lost, "qr", tell=False)
    answer = await system.api.call("POST", "/api/sessions/verify", limit="1000")
    assert answer.status == 200, answer
    found = {view["session_id"]: view for view in answer.json["items"]}
    assert (found[lost]["status"], found[kept]["status"]) == ("qr", "connected")
    assert found[lost]["connection"] == "Disconnected \N{EN DASH} reconnect needed"
    assert found[lost]["last_error"] == "the VPS says qr, and we believed connected"
    page = (await system.api.call("POST", "/api/sessions/verify", limit="1")).json
    assert (len(page["items"]), page["next"] is None) == (1, False)


async def test_a_word_that_nobody_knows_breaks_nothing(system: System) -> None:
    session_id = await used(system)
    await system.vps.set_state(session_id, "pairing-2.0", tell=False)
    view = await until(system, session_id, status="pairing-2.0")
    assert (view["connection"], view["sendable"]) == ("Not known", True)


async def test_a_parked_session_goes_on_by_itself_when_the_vps_says_that_it_is_connected(
    system: System,
) -> None:
    session_id, groups = await used(system), system.new_groups(2)
    await system.vps.put_session(session_id, refuse_503=1.0)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_step(broadcast_id, groups[0], "recipient.not_taken")
    await system.vps.set_state(session_id, "disconnected", tell=False)
    view = await until(system, session_id, status="disconnected")
    assert view["last_error"]
    await system.vps.put_session(session_id)
    await system.vps.set_state(session_id, "connected", tell=False)
    campaign = await system.api.until_finished(broadcast_id)
    assert campaign.outcome == ("completed", 2, 0)
    assert (await system.ledger(session_id)).sent_twice == []
    await until(system, session_id, status="connected", parked_until=None)


async def test_nothing_leaves_through_a_paused_session_and_a_resume_repeats_nobody(system: System) -> None:
    session_id = await used(system)
    view = await act(system, session_id, "pause", {"by": "ann", "why": "lunch"})
    assert (view["paused"], view["sendable"]) == (True, False)
    assert (await act(system, session_id, "pause"))["paused"]
    groups = system.new_groups(3)
    broadcast_id = await system.api.create(session_id, groups)
    other = await used(system)
    assert other
    assert (await system.api.campaign(broadcast_id)).counts["queued"] == 3
    assert not (await act(system, session_id, "resume", {"by": "ann"}))["paused"]
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 3, 0)
    assert (await system.ledger(session_id)).sent_twice == []


async def test_463_is_lifted_by_a_resume_alone(system: System) -> None:
    session_id, groups = await used(system), system.new_groups(2)
    await system.vps.put_recipients(groups[:1], error_ack=1.0, error_code=463, error_first=1.0)
    await system.api.until_finished(await system.api.create(session_id, groups[:1]))
    view = await until(system, session_id, stopped=True, attention="stopped")
    assert view["last_error"].startswith("Error 463")
    assert (await act(system, session_id, "verify"))["stopped"]
    second = await system.api.create(session_id, groups[1:])
    await used(system)
    assert (await system.api.campaign(second)).counts["queued"] == 1
    assert not (await act(system, session_id, "resume"))["stopped"]
    assert (await system.api.until_finished(second)).outcome == ("completed", 1, 0)


async def test_a_vps_that_takes_messages_and_never_calls_back_is_noticed_and_paused(system: System) -> None:
    session_id = await used(system)
    await until(system, session_id, status="connected")
    await system.vps.put_session(session_id, silent=True, message_status=False)
    await system.api.create(session_id, system.new_groups(2))
    view = await until(system, session_id, attention="silent", paused=True)
    assert "no callback has come" in view["last_error"]
    await system.vps.put_session(session_id)
    assert (await act(system, session_id, "resume"))["attention"] is None
    later = await system.api.create(session_id, system.new_groups(1))
    assert (await system.api.until_finished(later)).outcome == ("completed", 1, 0)


async def test_a_daily_cap_holds_the_rest_back_and_a_wider_one_lets_it_go(system: System) -> None:
    session_id = await used(system)
    path = f"/api/sessions/{session_id}/settings"
    answer = await system.api.call("PUT", path, {"daily_cap": 3, "timezone": "Asia/Jerusalem"})
    assert answer.json["settings"]["daily_cap"] == 3, answer
    groups = system.new_groups(4)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_recipient(broadcast_id, groups[1], "sent")
    await used(system)
    assert (await system.api.campaign(broadcast_id)).counts["queued"] == 2
    assert (await system.api.call("PUT", path, {})).json["settings"]["daily_cap"] is None
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 4, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"daily_cap": 0}, "daily_cap"),
        ({"quiet_from": "24:00", "quiet_to": "07:00"}, "quiet_from"),
        ({"quiet_from": "22:00"}, "quiet_to"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
    ],
)
async def test_settings_that_make_no_sense_are_refused_by_name(
    system: System, body: dict[str, object], field: str
) -> None:
    session_id = await used(system)
    answer = await system.api.call("PUT", f"/api/sessions/{session_id}/settings", body)
    assert (answer.status, answer.json["field"]) == (400, field)


async def test_connect_and_disconnect_go_to_the_vps_and_tell_what_became_of_it(system: System) -> None:
    session_id = system.new_session()
    assert (await system.api.call("GET", f"/api/sessions/{session_id}")).status == 404
    assert (await system.api.call("POST", f"/api/sessions/{session_id}/verify")).status == 404
    assert (await act(system, session_id, "connect"))["status"] == "connected"
    assert (await act(system, session_id, "disconnect"))["status"] == "disconnected"
    await system.vps.put_session(session_id, new_session_id=True)
    view = await act(system, session_id, "connect")
    assert (view["session_id"], view["status"]) == (f"{session_id}-r1", "connected")


async def test_a_vps_that_is_away_is_a_bad_gateway_and_changes_nothing(system: System) -> None:
    session_id = await used(system)
    before = await until(system, session_id, status="connected")
    system.vps_process.stop()
    answer = await system.api.call("POST", f"/api/sessions/{session_id}/verify")
    assert (answer.status, answer.json["code"]) == (502, "VPS_UNREACHABLE")
    assert (await session(system, session_id))["status"] == before["status"]
    await system.start("simulator")


async def test_rebuild_verify_finds_no_difference_in_all_that(system: System) -> None:
    await system.until_quiet()
    ended = await system.run("rebuild", "--verify")
    assert ended.code == 0, ended.output
