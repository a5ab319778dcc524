"""`dispatcher session` and `dispatcher group` against a running system."""

from local_stack.simulator.groups import Group
from support.operating import on_terminal, operate
from support.system import OTHER_API_KEY, System


async def used_session(system: System) -> str:
    """Return a session that a campaign was sent through."""
    session = system.new_session()
    campaign = await system.api.create(session, system.new_groups(1))
    await system.api.until_finished(campaign)
    return session


async def test_a_session_is_listed_shown_and_verified(system: System) -> None:
    session = await used_session(system)
    verified = await operate(system, "session", "verify", session)
    assert (verified.facts["status"], verified.facts["sends"]) == ("connected", "yes")
    listed = await operate(system, "session", "list", "--limit", "1000")
    assert [session, "connected"] in [line[:2] for line in listed.lines]
    shown = await operate(system, "session", "show", session, "--json")
    assert shown.json["session_id"] == session
    await operate(system, "session", "show", session, expect=3, API_KEY=OTHER_API_KEY)
    await operate(system, "session", "verify", "wa_never_seen", expect=3)


async def test_all_sessions_are_verified_together_and_a_terminal_shows_that_it_goes_on(
    system: System,
) -> None:
    lost, kept = await used_session(system), await used_session(system)
    await system.vps.set_state(lost, "disconnected", tell=False)
    verified = await operate(system, "session", "verify", "--limit", "1000")
    assert {lost: "disconnected", kept: "connected"}.items() <= {
        line[0]: line[1] for line in verified.lines
    }.items()
    assert "Verifying" not in verified.output + verified.errors
    seen = await on_terminal(system, "session", "verify", kept)
    assert "Verifying…" in seen
    assert seen.index("Verifying…") < seen.index("connected")


async def test_a_session_that_the_vps_lost_shows_why_nothing_leaves(system: System) -> None:
    session = await used_session(system)
    await system.vps.set_state(session, "disconnected", tell=False)
    verified = await operate(system, "session", "verify", session)
    assert verified.facts["status"] == "disconnected"
    assert verified.facts["connection"].endswith("reconnect needed")
    options = ("--session", session, "--message", "hi", "--to", system.new_groups(1)[0])
    refused = await operate(system, "campaign", "create", *options, expect=4)
    assert "WHATSAPP_NOT_CONNECTED" in refused.errors

    connected = await operate(system, "session", "connect", session)
    assert connected.facts["session"].startswith("wa_")
    await operate(system, "session", "disconnect", session, expect=2)
    gone = await operate(system, "session", "disconnect", connected.facts["session"], "--yes")
    assert gone.facts["status"] == "disconnected"


async def test_a_session_is_paused_and_resumed(system: System) -> None:
    session = await used_session(system)
    paused = await operate(system, "session", "pause", session, "--why", "too many complaints")
    assert (paused.facts["paused"], paused.facts["sends"]) == ("yes", "no")
    campaign = await system.api.create(session, system.new_groups(1))
    resumed = await operate(system, "session", "resume", session)
    assert resumed.facts["sends"] == "yes"
    await system.api.until_outcome(campaign, "completed", 1, 0)


async def test_limits_are_set_one_by_one(system: System) -> None:
    session = await used_session(system)
    await operate(
        system, *("session", "limit", session, "--quiet", "22:00-07:30", "--timezone", "Asia/Jerusalem")
    )
    capped = await operate(system, "session", "limit", session, "--daily-cap", "200")
    assert capped.facts["daily cap"] == "200"
    assert capped.facts["quiet hours"] == "22:00 to 07:30 (Asia/Jerusalem)"
    freed = await operate(system, "session", "limit", session, "--daily-cap", "0", "--quiet", "none")
    assert {"daily cap", "quiet hours"}.isdisjoint(freed.facts)
    await operate(system, "session", "limit", session, "--quiet", "25:00-07:00", expect=2)
    await operate(system, "session", "limit", session, "--timezone", "Mars/Olympus", expect=2)


async def test_groups_are_synced_and_listed(system: System) -> None:
    session, jids = await used_session(system), system.new_groups(3)
    groups = [
        Group(jid=jids[0], name="Choir", participants=12),
        Group(jid=jids[1], name="News", participants=900, is_community_announce=True),
        Group(jid=jids[2], name="Village", participants=1, is_community=True),
    ]
    await system.vps.set_groups(session, groups)
    synced = await operate(system, "group", "sync", session)
    assert (synced.facts["groups"], synced.facts["community parents left out"]) == ("2", "1")
    listed = await operate(system, "group", "list", "--session", session)
    assert [line[1] for line in listed.lines[1:]] == jids[:2]
    found = await operate(system, "group", "list", "--session", session, "--query", "choi", "--json")
    assert [item["name"] for item in found.json["items"]] == ["Choir"]
    sendable = await operate(system, "group", "list", "--session", session, "--sendable", "--limit", "1")
    assert sendable.lines[1][1] == jids[0]
