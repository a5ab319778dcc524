"""Why is this message where it is? Asked over HTTP and at the command line, of a running system."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from support.callbacks import Callback, tell
from support.operating import operate
from support.system import System


async def why(system: System, broadcast_id: str, jid: str) -> dict[str, Any]:
    answer = await system.api.call("GET", f"/api/campaigns/{broadcast_id}/recipients/{quote(jid)}/why")
    assert answer.status == 200, answer
    return dict(answer.json)


async def test_a_failure_is_told_from_its_beginning_to_what_comes_next(system: System) -> None:
    (jid,) = system.new_groups(1)
    await system.vps.put_recipients([jid], fail=1.0)
    broadcast_id = await system.api.create(system.new_session(), [jid])
    await system.api.until_outcome(broadcast_id, "failed", 0, 1)
    told = await why(system, broadcast_id, jid)
    assert (told["status"], told["recipient"]) == ("failed", jid)
    assert told["standing"].startswith("Failed after 3 attempts: ")
    assert told["waits_for"] == "nothing; it is sent again only when somebody wants that"
    steps = told["steps"]
    assert steps[0]["what"] == "the campaign wants it sent"
    assert [step["attempt"] for step in steps if step["event"] == "recipient.failed"] == [1, 2, 3]
    assert "the next attempt is due at" in next(s["what"] for s in steps if s["event"] == "recipient.failed")
    assert steps[-1]["what"].endswith("; no attempts are left")
    assert steps[-1]["causation"], "the callback's id"
    times = [datetime.fromisoformat(step["at"]) for step in steps]
    assert times == sorted(times)


async def test_what_holds_a_queued_message_up_is_told(system: System) -> None:
    session_id, (first, jid) = system.new_session(), system.new_groups(2)
    await system.api.until_finished(await system.api.create(session_id, [first]))
    await system.api.call("POST", f"/api/sessions/{session_id}/pause", {"by": "ann"})
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.call("POST", f"/api/campaigns/{broadcast_id}/pause", {"by": "dana", "why": "lunch"})
    told = await why(system, broadcast_id, jid)
    assert told["held_up_by"] == [
        "its campaign is paused until somebody resumes it",
        f"its session {session_id} is paused until somebody resumes it",
    ]
    assert told["steps"][-1]["what"] == "dana paused the campaign: lunch"


async def test_a_callback_that_nobody_could_place_is_told_beside_the_message(system: System) -> None:
    session_id, (jid,) = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients([jid], silent=True, message_status=False)
    broadcast_id = await system.api.create(session_id, [jid])
    await system.api.until_step(broadcast_id, jid, "recipient.held")
    body = {"sessionId": session_id, "groupJid": jid, "messageId": "3EB0NOBODYS", "errorCode": 420}
    await tell(
        system.vps,
        Callback("message-error", {**body, "event": "message_error", "errorMessage": "no"}),
    )
    await system.until_quiet()
    told = await why(system, broadcast_id, jid)
    assert told["standing"] == "Nobody can say whether it left."
    assert "somebody's decision" in told["waits_for"]
    [callback] = told["unplaced_callbacks"]
    assert callback["what"].startswith("message.errored: no message is known that it is about")


async def test_nobody_is_told_of_another_tenants_messages(system: System) -> None:
    (jid,) = system.new_groups(1)
    broadcast_id = await system.api.create(system.new_session(), [jid])
    path = f"/api/campaigns/{broadcast_id}/recipients/{quote(jid)}/why"
    answer = await system.other_api.call("GET", path)
    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    answer = await system.api.call("GET", path.replace(quote(jid), "nobody@g.us"))
    assert (answer.status, answer.json["detail"]) == (404, "there is no such recipient")


async def test_the_command_line_tells_it_as_a_story(system: System) -> None:
    (jid,) = system.new_groups(1)
    broadcast_id = await system.api.create(system.new_session(), [jid])
    await system.api.until_finished(broadcast_id)
    done = await operate(system, "recipient", "why", broadcast_id, jid)
    assert (done.facts["recipient"], done.facts["status"]) == (jid, "sent")
    assert done.facts["why"].startswith("Written to WhatsApp's socket at ")
    assert "the campaign wants it sent" in done.output
    assert "the VPS calls back: sent at " in done.output
    as_json = await operate(system, "recipient", "why", broadcast_id, jid, "--json")
    assert as_json.json["steps"][0]["event"] == "recipient.queued"
    await operate(system, "recipient", "why", broadcast_id, "nobody@g.us", expect=3)
