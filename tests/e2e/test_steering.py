"""Campaigns are steered over HTTP and over NATS: whatever is wanted and when, nobody gets a message twice."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from contracts import commands, subjects
from contracts.events import CampaignCommandAccepted, CampaignCommandRejected
from support.api import Answer
from support.eventually import eventually
from support.system import System

SETTINGS = {"SESSION_LANES": "2"}


async def steer(system: System, broadcast_id: str, verb: str, **words: Any) -> Answer:
    return await system.api.call("POST", f"/api/campaigns/{broadcast_id}/{verb}", words or None)


async def steered(system: System, broadcast_id: str, verb: str, **words: Any) -> dict[str, Any]:
    """Tell a campaign something that it accepts; return how it then stands."""
    answer = await steer(system, broadcast_id, verb, **words)
    assert answer.status == 202, answer
    return answer.json


async def until_sent(system: System, session_id: str, count: int) -> None:
    async def sent() -> bool:
        return (await system.ledger(session_id)).sent >= count

    await eventually(sent, 30)


async def command(
    system: System, kind: type[commands.CampaignCommand], broadcast_id: str, **words: Any
) -> str:
    """Send a command over NATS; return its correlation id."""
    correlation = str(uuid4())
    told = kind(
        id=str(uuid4()),
        time=datetime.now(UTC),
        tenant="acme",
        correlation=correlation,
        broadcast_id=broadcast_id,
        **words,
    )
    await system.bus.publish(subjects.of_command(told), msgspec.json.encode(told))
    return correlation


async def answer_to(system: System, broadcast_id: str, correlation: str) -> Any:
    """Wait for the event that answers a command."""

    async def answered() -> Any:
        found = [
            event
            for event in await system.bus.events(broadcast_id)
            if event.correlation == correlation
            and isinstance(event, CampaignCommandAccepted | CampaignCommandRejected)
        ]
        assert found
        return found[0]

    return await eventually(answered)


async def test_paused_at_a_random_moment_and_resumed_everybody_gets_it_exactly_once(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(1000)
    broadcast_id = await system.api.create(session_id, groups)
    chance = random.Random()
    for _ in range(2):
        before = (await system.ledger(session_id)).sent
        await until_sent(system, session_id, before + chance.randint(1, 300))
        paused = await steered(system, broadcast_id, "pause", by="dana")
        assert paused["status"] == "paused"
        assert (await steered(system, broadcast_id, "pause"))["status"] == "paused"
        await system.until_quiet()
        stopped_at = (await system.ledger(session_id)).sent
        left = paused["counts"]
        assert stopped_at <= 1000 - left["queued"], "only what was in flight may still leave"
        assert (await system.api.campaign(broadcast_id)).counts["queued"] >= left["queued"]
        assert (await steered(system, broadcast_id, "resume"))["status"] == "running"
    campaign = await system.api.until_finished(broadcast_id, within_s=90)
    await system.until_quiet()
    ledger = await system.ledger(session_id)
    assert campaign.outcome == ("completed", 1000, 0)
    assert ledger.per_recipient == dict.fromkeys(groups, 1)


async def test_a_cancelled_campaign_ends_with_what_was_in_flight(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(300)
    broadcast_id = await system.api.create(session_id, groups, delay_seconds=0.1)
    await until_sent(system, session_id, 5)
    assert (await steered(system, broadcast_id, "cancel", why="wrong picture"))["status"] == "cancelled"

    async def ended() -> Any:
        answer = await system.api.call("GET", f"/api/campaigns/{broadcast_id}")
        assert answer.json["finished_at"], answer.json
        return answer.json

    campaign = await eventually(ended)
    await system.until_quiet()
    assert (campaign["status"], campaign["queued_count"]) == ("cancelled", 0)
    assert campaign["sent_count"] + campaign["counts"]["cancelled"] == 300
    assert (await system.ledger(session_id)).sent == campaign["sent_count"]
    assert (await steered(system, broadcast_id, "cancel"))["status"] == "cancelled"
    for verb, code in (("pause", 409), ("resume", 409), ("retry", 409), ("verify", 202)):
        assert (await steer(system, broadcast_id, verb)).status == code, verb
    assert (await steer(system, broadcast_id, "pause")).json["code"] == "CAMPAIGN_CANCELLED"


async def test_what_failed_is_sent_again_and_only_that(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(4)
    await system.vps.put_recipients(groups[2:], reject=1.0)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "partial", 2, 2)
    await system.vps.put_recipients(groups[2:], reject=0.0)
    await steered(system, broadcast_id, "retry", by="dana", why="the number was blocked")
    await system.api.until_outcome(broadcast_id, "completed", 4, 0)
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
    steps = await system.api.history(broadcast_id, groups[3])
    [requeued] = [step for step in steps if step.event == "recipient.requeued"]
    assert (requeued.status, requeued.details["by"]) == ("queued", "dana")
    assert requeued.details["why"] == "the number was blocked"
    assert (await steer(system, broadcast_id, "pause")).json["code"] == "CAMPAIGN_FINISHED"


async def test_what_nobody_can_tell_is_settled_by_hand_or_by_asking(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(3)
    await system.vps.put_recipients(groups, lose_answer=1.0, silent=True, message_status=False)
    broadcast_id = await system.api.create(session_id, groups)
    for jid in groups:
        await system.api.until_step(broadcast_id, jid, "recipient.held")
    one = {"outcome": "sent", "recipients": [groups[0]], "by": "dana", "why": "seen on the phone"}
    await steered(system, broadcast_id, "confirm", **one)
    assert (await system.api.recipient(broadcast_id, groups[0])).status == "sent"
    step = (await system.api.history(broadcast_id, groups[0]))[-1]
    assert (step.details["source"], step.details["by"]) == ("operator", "dana")
    await steered(system, broadcast_id, "confirm", **one)
    answer = await steer(system, broadcast_id, "confirm", outcome="failed", recipients=[groups[0]])
    assert (answer.status, answer.json["code"]) == (409, "NOT_UNCONFIRMED")
    answer = await steer(system, broadcast_id, "confirm", outcome="perhaps")
    assert (answer.status, answer.json["field"]) == (400, "outcome")

    await system.vps.put_recipients(groups, message_status=True)
    await steered(system, broadcast_id, "verify")
    await system.api.until_outcome(broadcast_id, "completed", 3, 0)
    assert (await system.api.history(broadcast_id, groups[1]))[-1].details["source"] == "lookup"
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def test_a_scheduled_campaign_leaves_when_it_is_due(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    due = datetime.now(UTC) + timedelta(seconds=3)
    broadcast_id = await system.api.create(session_id, groups, scheduled_at=due.isoformat())
    answer = await system.api.call("GET", f"/api/campaigns/{broadcast_id}")
    assert answer.json["status"] == "scheduled"
    assert datetime.fromisoformat(answer.json["scheduled_at"]) - due < timedelta(milliseconds=1)
    await system.api.until_finished(broadcast_id)
    for jid in groups:
        steps = await system.api.history(broadcast_id, jid)
        [started] = [step for step in steps if step.event == "recipient.started"]
        assert started.at >= due
    body = {"session_id": session_id, "message": "x", "recipients": [{"group_jid": groups[0]}]}
    answer = await system.api.call("POST", "/api/campaigns", {**body, "scheduled_at": "2030-01-01T10:00:00"})
    assert (answer.status, answer.json["field"]) == (400, "scheduled_at")


async def test_commands_over_nats_are_carried_out_and_answered(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(200)
    broadcast_id = str(uuid4())
    recipients = [commands.RecipientSpec(group_jid=jid) for jid in groups]
    spec = commands.CampaignSpec(
        session_id=session_id, message="hi", recipients=recipients, delay_seconds=0.5
    )
    created = await command(system, commands.CreateCampaign, broadcast_id, campaign=spec)
    answer = await answer_to(system, broadcast_id, created)
    assert (type(answer), answer.command) == (CampaignCommandAccepted, "campaign.create")
    told = [
        (commands.PauseCampaign, {"by": "dana"}, "paused"),
        (commands.ResumeCampaign, {}, "running"),
        (commands.PauseCampaign, {}, "paused"),
        (commands.RetryCampaign, {"include_unconfirmed": True}, "paused"),
        (commands.VerifyCampaign, {}, "paused"),
        (commands.ConfirmCampaign, {"outcome": "sent"}, "paused"),
        (commands.CancelCampaign, {"why": "enough"}, "cancelled"),
    ]
    await until_sent(system, session_id, 1)
    for kind, words, status in told:
        answer = await answer_to(system, broadcast_id, await command(system, kind, broadcast_id, **words))
        assert (type(answer), answer.status) == (CampaignCommandAccepted, status), kind
    answer = await answer_to(
        system, broadcast_id, await command(system, commands.PauseCampaign, broadcast_id)
    )
    assert (type(answer), answer.code) == (CampaignCommandRejected, "CAMPAIGN_CANCELLED")
    await system.until_quiet()
    assert (await system.ledger(session_id)).sent_twice == []


async def test_a_command_that_cannot_be_carried_out_is_answered_with_why(system: System) -> None:
    nobody = str(uuid4())
    answer = await answer_to(system, nobody, await command(system, commands.CancelCampaign, nobody))
    assert (type(answer), answer.code, answer.status) == (CampaignCommandRejected, "NOT_FOUND", None)
    spec = commands.CampaignSpec(session_id="wa_x", message="hi", recipients=[])
    created = await command(system, commands.CreateCampaign, nobody, campaign=spec)
    answer = await answer_to(system, nobody, created)
    assert (answer.command, answer.code) == ("campaign.create", "NO_VALID_RECIPIENTS")


async def test_a_command_that_is_delivered_twice_is_carried_out_once(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(1)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_finished(broadcast_id)
    told = commands.VerifyCampaign(
        id=str(uuid4()), time=datetime.now(UTC), tenant="acme", correlation="twice", broadcast_id=broadcast_id
    )
    for _ in range(2):
        await system.bus.publish(subjects.of_command(told), msgspec.json.encode(told))
    await system.bus.until_consumed()
    await system.truth.until_relayed()
    told_of = [event for event in await system.bus.events(broadcast_id) if event.correlation == "twice"]
    assert [type(event) for event in told_of] == [CampaignCommandAccepted]
