"""What was not applied: listed, shown whole, and sent again, over the API and from the command line."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.dead import CallbackQuarantined
from support.eventually import eventually
from support.operating import operate
from support.system import System

ALONE = True

SUBJECT = "wa.delivery.session.reported"


async def listed(system: System, source: str) -> dict[str, Any]:
    """Wait until something from a source is in quarantine, and return the newest."""

    async def found() -> dict[str, Any]:
        answer = await system.api.call("GET", "/api/quarantine", source=source)
        assert answer.status == 200, answer
        return dict(answer.json["items"][0]) if answer.json["items"] else {}

    return await eventually(found)


async def redrive(system: System, **body: object) -> dict[str, Any]:
    answer = await system.api.call("POST", "/api/quarantine/redrive", body)
    assert answer.status == 202, answer
    return dict(answer.json)


async def test_an_unreadable_message_is_shown_whole_and_comes_back_as_another_thing_when_it_still_is(
    system: System,
) -> None:
    body = b'{"type": "session.reported", "tenant": "acme"}'
    await system.bus.publish(SUBJECT, body)
    thing = await listed(system, SUBJECT)
    assert (thing["kind"], thing["redrivable"]) == ("unreadable", True)
    shown = (await system.api.call("GET", f"/api/quarantine/{thing['id']}")).json
    assert (shown["text"], shown["size"]) == (body.decode(), len(body))
    assert (await redrive(system, filter={"source": SUBJECT}, dry_run=True))["redriven"] == 1
    assert (await redrive(system, ids=[thing["id"]], by="ann", why="mended"))["redriven"] == 1
    assert (await redrive(system, ids=[thing["id"]]))["already"] == 1

    async def came_back() -> bool:
        return (await listed(system, SUBJECT))["about"] == thing["id"]

    await eventually(came_back)
    shown = (await system.api.call("GET", f"/api/quarantine/{thing['id']}")).json
    assert (shown["redriven_by"], shown["redriven_why"], shown["published"]) == ("ann", "mended", True)
    attention = (await system.api.call("GET", "/api/attention", kind="quarantined")).json["items"]
    assert f"quarantined-{thing['id']}" not in [item["id"] for item in attention]


async def test_what_belongs_to_nobody_is_seen_without_its_body_and_not_sent_again(system: System) -> None:
    await system.bus.publish("wa.command.campaign.pause", b"not JSON")
    thing = await listed(system, "wa.command.campaign.pause")
    shown = (await system.api.call("GET", f"/api/quarantine/{thing['id']}")).json
    assert (shown["body"], shown["text"], shown["reason"]) == (None, None, None)
    [refused] = (await redrive(system, ids=[thing["id"]]))["refused"]
    assert refused["code"] == "NOT_YOURS"


async def test_a_raw_callback_is_shown_and_its_redrive_names_the_gateway(system: System) -> None:
    parked = CallbackQuarantined(
        id="cq-raw",
        time=datetime.now(UTC),
        tenant="acme",
        correlation="cq-raw",
        hook="reaction",
        reason="$.event: unknown word `reaction_moved`",
        body=b64encode(b'{"event":"reaction_moved"}').decode(),
        kind="unknown",
    )
    await system.bus.publish("wa.dead.callback.quarantined", msgspec.json.encode(parked))
    thing = await listed(system, "reaction")
    assert "/webhooks/reaction" in thing["obstacle"]
    refused = await operate(system, "quarantine", "redrive", thing["id"])
    assert "NEEDS_THE_GATEWAY" in refused.output
    raw = await operate(system, "quarantine", "show", thing["id"], "--raw")
    assert raw.output == '{"event":"reaction_moved"}'
    table = await operate(system, "quarantine", "list", "--kind", "unknown")
    assert "cq-raw" in table.output
    assert (await operate(system, "quarantine", "show", thing["id"])).facts["kind"] == "unknown"


async def test_a_message_that_no_dead_message_can_hold_is_listed_with_its_place_and_left_there(
    system: System,
) -> None:
    subject = "wa.command.campaign.cancel"
    body = b'{"type": "campaign.cancel", "tenant": "acme", "why": "%s"}' % (b"x" * (7 << 20))
    await system.bus.publish(subject, body)
    thing = await listed(system, subject)
    assert (thing["kind"], thing["size"], thing["redrivable"]) == ("unreadable", None, False)
    assert f"({len(body)} bytes): it lies as message " in thing["reason"]
    [refused] = (await redrive(system, ids=[thing["id"]]))["refused"]
    assert (refused["code"], refused["detail"]) == ("BODY_NOT_KEPT", thing["obstacle"])
    shown = await operate(system, "quarantine", "show", thing["id"])
    assert shown.facts["not sent again"] == thing["obstacle"]
    raw = await operate(system, "quarantine", "show", thing["id"], "--raw", expect=4)
    assert "its body was not kept whole" in raw.errors
    stream, _, sequence = thing["id"].rpartition("-")
    assert (await system.bus.jetstream.get_msg(stream, int(sequence))).data == body


async def test_wrong_questions_are_named(system: System) -> None:
    both = {"ids": ["x"], "filter": {}}
    for body in ({}, both, {"filter": {"kind": "nothing"}}):
        assert (await system.api.call("POST", "/api/quarantine/redrive", body)).status == 400
    assert (await system.api.call("GET", "/api/quarantine/nothing")).status == 404
    assert (await redrive(system, ids=["nothing"]))["refused"][0]["code"] == "NOT_FOUND"
