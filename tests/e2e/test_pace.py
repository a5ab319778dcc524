"""In which order and how fast messages leave a session, by the VPS's ledger: priority, turns, gaps, hours, breaker."""

from datetime import UTC, datetime, timedelta
from typing import Any

from support.eventually import eventually
from support.system import System

SETTINGS = {
    "UNKNOWN_BURST": "3",
    "SESSION_PARK_S": "60",
    "CALLBACK_DEADLINE_S": "60",
    "VPS_TIMEOUT_S": "1",
    "HIGH_SHARE": "5",
}


async def act(system: System, session_id: str, verb: str) -> None:
    answer = await system.api.call("POST", f"/api/sessions/{session_id}/{verb}")
    assert answer.status == 200, answer


async def limit(system: System, session_id: str, **limits: Any) -> None:
    answer = await system.api.call("PUT", f"/api/sessions/{session_id}/settings", limits)
    assert answer.status == 200, answer


async def another_session_sends(system: System) -> None:
    """Let the sender work, so that what it might have sent before has left by then."""
    broadcast_id = await system.api.create(system.new_session(), system.new_groups(3))
    await system.api.until(broadcast_id, "completed")


async def test_high_priority_goes_first_a_fifth_is_kept_for_normal_and_equals_take_turns(
    system: System,
) -> None:
    session_id = system.new_session()
    await act(system, session_id, "connect")
    await act(system, session_id, "pause")
    normal, other, high = system.new_groups(3), system.new_groups(3), system.new_groups(12)
    ids = [
        await system.api.create(session_id, normal),
        await system.api.create(session_id, other),
        await system.api.create(session_id, high, priority="high"),
    ]
    await act(system, session_id, "resume")
    for broadcast_id in ids:
        await system.api.until(broadcast_id, "completed")
    sent = [entry.recipient for entry in (await system.ledger(session_id)).items]
    order = "".join("H" if jid in high else "n" if jid in normal else "o" for jid in sent)
    assert order.replace("n", ".").replace("o", ".") == "HHHH.HHHH.HHHH...."
    turns = order.replace("H", "")
    assert turns in ("nonono", "ononon")


async def test_a_slow_campaign_keeps_its_own_gap_and_holds_up_no_other(system: System) -> None:
    session_id, slow = system.new_session(), system.new_groups(2)
    first = await system.api.create(session_id, slow, delay_seconds=600)
    await system.api.until_recipient(first, slow[0], "sent")
    second = await system.api.create(session_id, system.new_groups(5))
    assert (await system.api.until(second, "completed")).outcome == ("completed", 5, 0)
    assert (await system.api.campaign(first)).counts["queued"] == 1


async def test_nothing_leaves_in_quiet_hours(system: System) -> None:
    session_id = system.new_session()
    await act(system, session_id, "connect")
    now = datetime.now(UTC)
    begin, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-2, 2))
    await limit(system, session_id, quiet_from=begin, quiet_to=end, timezone="UTC")
    broadcast_id = await system.api.create(session_id, groups := system.new_groups(2))
    await another_session_sends(system)
    assert (await system.api.campaign(broadcast_id)).counts["queued"] == 2
    why = await system.api.call("GET", f"/api/campaigns/{broadcast_id}/recipients/{groups[0]}/why")
    assert any("sends nothing from" in reason for reason in why.json["held_up_by"]), why
    await limit(system, session_id)
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 2, 0)


async def test_a_burst_of_answers_that_nobody_can_read_lets_the_session_rest(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(6)
    await system.vps.put_recipients(groups, lose_answer=1.0)
    broadcast_id = await system.api.create(session_id, groups)

    async def rests() -> bool:
        session = (await system.api.call("GET", f"/api/sessions/{session_id}")).json
        assert session["parked_until"], session
        return "could not be read" in session["last_error"]

    assert await eventually(rests)
    await another_session_sends(system)
    assert (await system.ledger(session_id)).sent == 3
    await system.vps.put_recipients(groups)
    await act(system, session_id, "resume")
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 6, 0)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
