"""`dispatcher campaign pause|resume|cancel|retry|verify|confirm` against a running system."""

from support.api import FAR_OFF
from support.eventually import eventually
from support.operating import operate
from support.system import System

SETTINGS = {"SEND_GAP_MS": "50"}


async def create(system: System, count: int, **fields: object) -> tuple[str, str, list[str]]:
    """Create a campaign; return its session, its id and its groups."""
    session, groups = system.new_session(), system.new_groups(count)
    return session, await system.api.create(session, groups, **fields), groups


async def test_a_paused_campaign_stands_until_it_is_resumed_and_reaches_everybody_once(
    system: System,
) -> None:
    session, groups = system.new_session(), system.new_groups(40)
    for verb in ("connect", "pause"):  # until the campaign stands, its session does
        await system.api.call("POST", f"/api/sessions/{session}/{verb}")
    campaign = await system.api.create(session, groups)
    paused = await operate(system, "campaign", "pause", campaign, "--why", "lunch", "--by", "dana")
    assert paused.facts[campaign] == "paused"
    await operate(system, "campaign", "pause", campaign)
    shown = await operate(system, "campaign", "show", campaign)
    assert shown.facts["status"] == "paused"
    await system.api.call("POST", f"/api/sessions/{session}/resume")

    resumed = await operate(system, "campaign", "resume", campaign)
    assert resumed.facts[campaign] in ("queued", "running")
    await operate(system, "campaign", "watch", campaign)
    assert (await system.ledger(session)).per_recipient == dict.fromkeys(groups, 1)


async def test_a_cancel_asks_first_and_then_lets_nothing_more_leave(system: System) -> None:
    session, campaign, _ = await create(system, 5, delay_seconds=60)
    refused = await operate(system, "campaign", "cancel", campaign, expect=2)
    assert refused.errors.startswith("dispatcher: Cancel ")
    assert "--yes" in refused.errors
    await operate(system, "campaign", "cancel", campaign, "--yes")
    done = await operate(system, "campaign", "watch", campaign, expect=1)
    assert done.lines[-1][0] == "cancelled"
    assert (await system.ledger(session)).sent <= 1

    again = await operate(system, "campaign", "resume", campaign, expect=4)
    assert again.errors.startswith("dispatcher: ")


async def test_what_failed_is_sent_again(system: System) -> None:
    session, groups = system.new_session(), system.new_groups(1)
    await system.vps.put_recipients(groups, reject=1.0)
    campaign = await system.api.create(session, groups)
    await system.api.until_outcome(campaign, "failed", 0, 1)
    await system.vps.put_recipients(groups)
    await operate(system, "campaign", "retry", campaign, "--recipient", groups[0])
    await system.api.until_outcome(campaign, "completed", 1, 0)


async def test_what_is_unconfirmed_is_sent_again_only_when_that_is_said_twice(system: System) -> None:
    _, campaign, _ = await create(system, 1)
    await system.api.until_finished(campaign)
    refused = await operate(system, "campaign", "retry", campaign, "--include-unconfirmed", expect=2)
    assert "would then arrive twice" in refused.errors


async def test_an_operator_settles_what_the_vps_cannot_tell(system: System) -> None:
    session, group = system.new_session(), system.new_groups(1)[0]
    await system.vps.put_session(session, drop_callback=1.0, message_status=False)
    campaign = await system.api.create(session, [group])
    await system.api.until_recipient(campaign, group, "unconfirmed")
    await operate(system, "campaign", "verify", campaign)
    await operate(system, "campaign", "confirm", campaign, "--outcome", "sent", expect=2)
    await operate(
        system, *("campaign", "confirm", campaign, "--outcome", "sent", "--all", "--why", "seen on the phone")
    )
    await system.api.until_outcome(campaign, "completed", 1, 0)


async def test_a_campaign_is_scheduled(system: System) -> None:
    group = system.new_groups(1)[0]
    options = ("--session", system.new_session(), "--message", "hi", "--to", group)
    done = await operate(system, "campaign", "create", *options, "--at", FAR_OFF)
    assert done.facts["status"] == "scheduled"
    shown = await operate(system, "campaign", "show", done.facts["campaign"])
    assert shown.facts["scheduled"].startswith(FAR_OFF[:10])
    await operate(system, "campaign", "create", *options, "--at", "tomorrow", expect=2)
    await operate(system, "campaign", "cancel", done.facts["campaign"], "--yes")


async def test_a_repeat_with_the_same_key_is_the_same_campaign(system: System) -> None:
    options = ("--session", system.new_session(), "--message", "hi", "--idempotency-key", "order-66")
    first = await operate(system, "campaign", "create", *options, "--to", system.new_groups(1)[0])
    to = ("--to", (await eventually(lambda: system.api.recipients(first.facts["campaign"]))).popitem()[0])
    again = await operate(system, "campaign", "create", *options, *to)
    assert again.facts["campaign"] == first.facts["campaign"]
    assert again.facts["repeat"] == "it was there already"
    other = await operate(system, "campaign", "create", *options, "--to", "+972501234567", expect=4)
    assert "IDEMPOTENCY_KEY_REUSED" in other.errors
