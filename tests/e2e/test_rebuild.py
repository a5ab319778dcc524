"""`dispatcher rebuild`: the events are the truth; projections can be thrown away, made anew and compared."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from support.operating import operate
from support.system import API_KEY, System

PROJECTIONS = (
    "recipient_status, campaign_status, session_status, send_queue, attempts, open_attempts, message_ids,"
    " readers, outcomes"
)

ALONE = True


async def play(system: System) -> list[str]:
    """Let campaigns come to every kind of end; return their broadcast_ids."""
    session_id, groups = system.new_session(), system.new_groups(6)
    knobs: list[dict[str, Any]] = [
        {"delivered_readers": 2, "read_readers": 1, "reactors": 1},
        {"fail": 1.0, "only_first": 1},
        {"reject": 1.0},
        {"error_ack": 1.0, "error_code": 420},
        {"silent": True},
        {},
    ]
    for jid, behaviour in zip(groups, knobs, strict=True):
        await system.vps.put_recipients([jid], **behaviour)
    mixed = await system.api.create(session_id, groups)
    held_group = system.new_groups(1)
    await system.vps.put_recipients(held_group, silent=True, message_status=False)
    held = await system.api.create(system.new_session(), held_group)
    await system.api.until_outcome(mixed, "partial", 4, 2)
    await system.api.until_step(held, held_group[0], "recipient.held")
    await system.until_quiet()
    return [mixed, held]


async def answers(system: System, broadcast_ids: list[str]) -> list[object]:
    """All that the API tells of campaigns."""
    told: list[object] = []
    for broadcast_id in broadcast_ids:
        rows = await system.api.recipients(broadcast_id)
        told += [await system.api.campaign(broadcast_id), rows]
        told += [await system.api.history(broadcast_id, jid) for jid in rows]
    return told


async def test_the_live_projections_are_what_the_events_say(system: System) -> None:
    await play(system)
    ended = await system.run("rebuild", "--verify")
    assert ended.code == 0, ended.output
    assert "0 differences" in ended.output


async def test_the_answers_are_the_same_after_the_projections_were_thrown_away_and_rebuilt(
    system: System,
) -> None:
    broadcast_ids = await play(system)
    before = await answers(system, broadcast_ids)
    await system.truth.fetch(f"TRUNCATE {PROJECTIONS}")
    lost = await system.run("rebuild", "--verify")
    assert lost.code == 1, lost.output
    rebuilt = await system.run("rebuild")
    assert rebuilt.code == 0, rebuilt.output
    assert await answers(system, broadcast_ids) == before
    verified = await system.run("rebuild", "--verify")
    assert verified.code == 0, verified.output
    following = await system.api.create(system.new_session(), system.new_groups(2))
    assert (await system.api.until_finished(following)).outcome == ("completed", 2, 0)


TAMPERINGS = {
    "recipient_status": "UPDATE recipient_status SET status = 'failed' WHERE campaign_id = $1 AND status = 'sent'",
    "campaign_status": "UPDATE campaign_status SET sent = sent + 1, read = read - 1 WHERE campaign_id = $1",
    "message_ids": "DELETE FROM message_ids WHERE campaign_id = $1",
    "session_status": "UPDATE session_status SET stopped = true WHERE session_id = $1",
    "send_queue": "UPDATE send_queue SET position = position + 7 WHERE campaign_id = $1",
}
"""A change to each table that its own SQL would act on; all but the session are found by broadcast_id."""


async def test_verify_finds_each_line_that_was_tampered_with_and_rebuild_mends_all(system: System) -> None:
    broadcast_id, _ = await play(system)
    waiting_session = system.new_session()
    await system.vps.set_state(waiting_session, "hibernating")
    waiting = await system.api.create(waiting_session, waiting_group := system.new_groups(1))
    await system.api.until_step(waiting, waiting_group[0], "recipient.not_taken")
    await asyncio.to_thread(system.dispatcher.stop)
    whose = {"session_status": waiting_session, "send_queue": waiting}
    for table, statement in TAMPERINGS.items():
        await system.truth.fetch(statement, whose.get(table, broadcast_id))
    found = await system.run("rebuild", "--verify")
    assert found.code == 1, found.output
    as_json = await system.run("verify", "--json")
    told = msgspec.json.decode(as_json.output.splitlines()[-1])
    assert (as_json.code, told["clean"]) == (1, False)
    assert {difference["table"] for difference in told["differences"]} >= set(TAMPERINGS)
    assert [table for table in TAMPERINGS if f"\n{table} " not in found.output] == [], found.output
    assert (await system.run("rebuild")).code == 0
    mended = await system.run("rebuild", "--verify")
    assert mended.code == 0, mended.output
    await system.start("dispatcher")
    await system.vps.set_state(waiting_session, "connected")
    assert (await system.api.until_finished(waiting)).outcome == ("completed", 1, 0)


async def test_verify_looks_at_the_stack_that_runs_in_this_folder(system: System, tmp_path: Path) -> None:
    await play(system)
    stack = {
        "api_url": system.api.url,
        "api_key": API_KEY,
        "database_url": system.environment_of("dispatcher")["DATABASE_URL"],
        "nats_url": "",
        "vps_url": "",
        "vps_api_key": "",
    }
    (tmp_path / "stack.json").write_bytes(msgspec.json.encode(stack))
    verified = await operate(system, "verify", "--json", LOCAL_DIR=str(tmp_path))
    assert verified.json["clean"]
    elsewhere = await operate(system, "verify", expect=2)
    assert "DATABASE_URL" in elsewhere.errors
