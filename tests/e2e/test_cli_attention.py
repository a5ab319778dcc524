"""`dispatcher attention` and `dispatcher dead` against a running system."""

from support.operating import operate
from support.system import System

ALONE = True


async def held(system: System) -> tuple[str, str, str]:
    """Let a message be held; return session, campaign and group."""
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], silent=True, message_status=False)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_step(broadcast_id, jid, "recipient.held")
    return session_id, broadcast_id, jid


async def failed(system: System, count: int = 1) -> tuple[str, str, list[str]]:
    """Let messages fail for good; return session, campaign and groups."""
    session_id, groups = system.new_session(), system.new_groups(count)
    await system.vps.put_recipients(groups, reject=1.0)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "failed", 0, count)
    return session_id, broadcast_id, groups


async def test_what_needs_somebody_is_listed_and_resolved(system: System) -> None:
    session_id, broadcast_id, jid = await held(system)
    done = await operate(system, "attention", "list", "--session", session_id)
    assert done.facts["campaign"] == broadcast_id
    assert done.facts["recipient"] == jid
    assert done.facts["possible"] == "retry, confirm_sent, give_up"
    item = done.facts["held"]
    resolved = await operate(
        system, "attention", "resolve", item, "confirm_sent", "--why", "seen", "--by", "dana"
    )
    assert (resolved.facts["done"], resolved.facts["status"]) == ("confirm_sent", "sent")
    again = await operate(system, "attention", "resolve", item, "confirm_sent")
    assert again.facts["done"] == "it was so already"
    refused = await operate(system, "attention", "resolve", item, "give_up", expect=4)
    assert "NOT_UNCONFIRMED" in refused.errors
    empty = await operate(system, "attention", "list", "--session", session_id)
    assert empty.output.strip() == "nothing needs anybody"
    await operate(system, "attention", "resolve", "message-nothing", "give_up", expect=3)
    await operate(system, "attention", "resolve", item, "explode", expect=2)


async def test_a_message_that_may_have_arrived_is_sent_again_only_when_that_is_said(system: System) -> None:
    _, broadcast_id, _ = await held(system)
    listed = await operate(system, "attention", "list", "--campaign", broadcast_id, "--json")
    [item] = listed.json["items"]
    refused = await operate(system, "attention", "resolve", item["id"], "retry", expect=2)
    assert "--yes" in refused.errors
    done = await operate(system, "attention", "resolve", item["id"], "retry", "--yes")
    assert done.facts["status"] == "queued"
    of_kind = await operate(system, "attention", "list", "--kind", "session", "--campaign", broadcast_id)
    assert of_kind.output.strip() == "nothing needs anybody"


async def test_dead_letters_are_listed_shown_and_sent_again(system: System) -> None:
    session_id, broadcast_id, groups = await failed(system, 3)
    listed = await operate(system, "dead", "list", "--session", session_id)
    assert listed.lines[0][0] == "ID"
    assert len(listed.lines) == 4
    letter = listed.lines[1][0]
    shown = await operate(system, "dead", "show", letter)
    assert (shown.facts["id"], shown.facts["message"], shown.facts["status"]) == (letter, "hello", "failed")
    await operate(system, "dead", "redrive", expect=2)
    await operate(system, "dead", "redrive", letter, "--all", expect=2)
    dry = await operate(system, "dead", "redrive", "--campaign", broadcast_id, "--dry-run")
    assert dry.facts["would be sent again"] == "3"
    asked = await operate(system, "dead", "redrive", "--campaign", broadcast_id, expect=2)
    assert "Send 3 messages again?" in asked.errors

    await system.vps.put_recipients(groups)
    one = await operate(system, "dead", "redrive", letter, "--by", "dana")
    assert one.facts["sent again"] == "1"
    again = await operate(system, "dead", "redrive", letter)
    assert again.facts["already"] == "1"
    rest = await operate(system, "dead", "redrive", "--campaign", broadcast_id, "--yes")
    assert rest.facts["sent again"] == "2"
    await system.api.until_outcome(broadcast_id, "completed", 3, 0)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
    await operate(system, "dead", "show", "00000000-0000-4000-8000-000000000000", expect=3)
