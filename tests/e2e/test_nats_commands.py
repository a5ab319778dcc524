"""Campaign commands over NATS, and what is no message at all: parked with its reason, and in nobody's way."""

from base64 import b64decode
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from contracts import subjects
from contracts.commands import CampaignSpec, CreateCampaign, RecipientSpec
from contracts.dead import MessageParked
from contracts.events import CampaignCommandRejected
from support.eventually import eventually
from support.system import System

ALONE = True

CREATE = "wa.command.campaign.create"
SENT = "wa.delivery.message.sent"


def command(session_id: str, groups: list[str], broadcast_id: str | None = None) -> CreateCampaign:
    """A command of the tenant whose key the tests hold."""
    return CreateCampaign(
        id=str(uuid4()),
        time=datetime.now(UTC),
        tenant="acme",
        correlation="a-story",
        broadcast_id=broadcast_id or str(uuid4()),
        campaign=CampaignSpec(session_id, "hello", [RecipientSpec(group_jid=jid) for jid in groups]),
    )


async def give(system: System, wish: CreateCampaign) -> None:
    """Publish a command as a program of ours would."""
    await system.bus.publish(
        subjects.of_command(wish), msgspec.json.encode(wish), headers={"Nats-Msg-Id": wish.id}
    )


async def parked(system: System, content: bytes) -> MessageParked:
    """Wait until a message with this content lies in DEAD; return it."""

    async def found() -> MessageParked | None:
        dead = [message for message in await system.bus.dead() if isinstance(message, MessageParked)]
        return next((message for message in dead if b64decode(message.body) == content), None)

    message = await eventually(found)
    assert message is not None
    return message


async def test_a_command_over_nats_creates_a_campaign_that_is_sent(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    wish = command(session_id, groups)
    await give(system, wish)
    campaign = await system.api.until_finished(wish.broadcast_id)
    assert campaign.outcome == ("completed", 2, 0)
    assert list(await system.api.recipients(wish.broadcast_id)) == groups
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)
    await system.truth.until_relayed()
    events = await system.bus.events(wish.broadcast_id)
    assert (events[0].correlation, events[0].causation) == ("a-story", wish.id)


async def test_a_repeat_of_a_command_changes_nothing_even_with_other_recipients(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(2)
    wish = command(session_id, groups)
    await give(system, wish)
    await system.api.until_finished(wish.broadcast_id)
    before = await system.truth.events(wish.broadcast_id)
    await give(system, wish)
    await system.bus.publish(CREATE, msgspec.json.encode(wish))
    await give(system, command(session_id, system.new_groups(2), wish.broadcast_id))
    await system.until_quiet()
    assert await system.truth.events(wish.broadcast_id) == before
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x00 no JSON at all", "malformed"),
        (b'{"type":"campaign.create","id":"x"}', "missing required field"),
        (b'{"type":"campaign.burn"}', "campaign.burn"),
    ],
    ids=["no-json", "fields-missing", "unknown-type"],
)
async def test_garbage_among_the_commands_is_parked_and_does_not_block_the_next(
    system: System, content: bytes, reason: str
) -> None:
    wish = command(system.new_session(), system.new_groups(1))
    await system.bus.publish(CREATE, content)
    await give(system, wish)
    assert (await system.api.until_finished(wish.broadcast_id)).outcome == ("completed", 1, 0)
    message = await parked(system, content)
    assert (message.subject, message.durable) == (CREATE, "dispatcher-commands")
    assert reason in message.reason
    await system.bus.until_consumed()


async def test_a_command_that_names_no_campaign_is_parked_with_the_reason(system: System) -> None:
    impossible = command(system.new_session(), ["120363000000000001@g.us"], "not a UUID")
    await give(system, impossible)
    following = command(system.new_session(), system.new_groups(1))
    await give(system, following)
    await system.api.until_finished(following.broadcast_id)
    message = await parked(system, msgspec.json.encode(impossible))
    assert "broadcast_id is not a UUID" in message.reason
    assert message.subject == CREATE


@pytest.mark.parametrize("subject", [SENT, "wa.delivery.nobody.knows"])
async def test_garbage_among_the_delivery_reports_is_parked_and_does_not_block_the_next(
    system: System, subject: str
) -> None:
    content = b"[garbage on " + subject.encode()
    session_id, groups = system.new_session(), system.new_groups(5)
    await system.bus.publish(subject, content)
    broadcast_id = await system.api.create(session_id, groups)
    await system.bus.publish(subject, content + b" again")
    assert (await system.api.until_finished(broadcast_id)).outcome == ("completed", 5, 0)
    for text in (content, content + b" again"):
        message = await parked(system, text)
        assert (message.subject, message.durable) == (subject, "dispatcher-deliveries")
        assert message.reason
    await system.bus.until_consumed()
    assert (await system.ledger(session_id)).per_recipient == dict.fromkeys(groups, 1)


async def test_a_command_does_not_send_the_vps_into_its_own_network(system: System) -> None:
    wish = command(system.new_session(), system.new_groups(1))
    inside = msgspec.structs.replace(wish.campaign, media_url="http://169.254.169.254/", media_type="image")
    await give(system, msgspec.structs.replace(wish, campaign=inside))

    async def rejected() -> CampaignCommandRejected:
        events = await system.bus.events(wish.broadcast_id)
        assert len(events) == 1
        [answer] = events
        assert isinstance(answer, CampaignCommandRejected), answer
        return answer

    assert (await eventually(rejected)).code == "MEDIA_URL_REFUSED"
    assert (await system.api.call("GET", f"/api/campaigns/{wish.broadcast_id}")).status == 404
