"""The demo's conversation: with the simulator by its control API, with the dispatcher by its HTTP API."""

import asyncio
import secrets
import time
from collections.abc import Mapping

import msgspec
from rich.console import Console

from local_stack.api_client import ApiClient, Campaign, Recipient
from local_stack.demo.check import Findings, compare
from local_stack.demo.plan import Target, campaign_of, jid_of
from local_stack.demo.progress import CampaignProgress
from local_stack.simulator.client import SimulatorClient, StillBusyError
from local_stack.simulator.ledger import Entry
from local_stack.stack import Stack
from local_stack.stack_file import StackFile

FINISH_SECONDS = 60.0
QUIET_SECONDS = 20.0
AGREE_SECONDS = 10.0
POLL_SECONDS = 0.25


class Outcome(msgspec.Struct, frozen=True):
    """What the API shows (by JID), what the VPS really sent, and where they differ."""

    shown: dict[str, Recipient]
    ledger: list[Entry]
    findings: Findings


async def send_and_watch(stack: Stack, place: StackFile, targets: list[Target], console: Console) -> Outcome:
    """Set the VPS up to misbehave, create the campaigns, show how they go, and compare at the end."""
    async with (
        SimulatorClient(place.vps_url, place.vps_api_key) as vps,
        ApiClient(place.api_url, place.api_key) as api,
    ):
        await misbehave(vps, targets)
        campaigns = await create_campaigns(api, targets)
        console.print(f"{len(targets)} messages over {len(campaigns)} sessions are on their way")
        with CampaignProgress(console) as progress:
            finished = await watch(stack, api, campaigns, progress)
        if not finished:
            console.print(f"not all campaigns finished within {FINISH_SECONDS:g} s")
        return await settle(vps, api, campaigns, targets, console)


async def misbehave(vps: SimulatorClient, targets: list[Target]) -> None:
    """Tell the simulator how to treat each recipient."""
    for case in {id(target.case): target.case for target in targets}.values():
        if case.knobs:
            await vps.put_recipients([target.jid for target in targets if target.case is case], **case.knobs)


async def create_campaigns(api: ApiClient, targets: list[Target]) -> dict[str, str]:
    """Create one campaign for each session; returns their ids by session."""
    message = f"Hello from the demo ({secrets.token_hex(4)})"  # not the same campaign as in an earlier run
    return {
        session_id: (await api.create(campaign_of(session_id, targets, message))).broadcast_id
        for session_id in sorted({target.session_id for target in targets})
    }


async def watch(
    stack: Stack, api: ApiClient, campaigns: Mapping[str, str], progress: CampaignProgress
) -> bool:
    """Show progress until all campaigns are finished. False when that takes too long."""
    deadline = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < deadline:
        stack.require_all()
        shown: dict[str, Campaign] = {
            session_id: await api.campaign(broadcast_id) for session_id, broadcast_id in campaigns.items()
        }
        progress.show(shown, time.monotonic())
        if all(campaign.finished_at for campaign in shown.values()):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def settle(
    vps: SimulatorClient,
    api: ApiClient,
    campaigns: Mapping[str, str],
    targets: list[Target],
    console: Console,
) -> Outcome:
    """Wait until the VPS has nothing more to say and the API agrees with its ledger, or the time is up."""
    console.print("waiting for the last callbacks")
    try:
        await vps.wait_until_idle(QUIET_SECONDS)
    except StillBusyError as busy:
        console.print(str(busy))
    deadline = time.monotonic() + AGREE_SECONDS
    while True:
        ledger = (await vps.ledger()).items
        shown = {
            jid_of(one.recipient): one for each in campaigns.values() for one in await api.recipients(each)
        }
        findings = compare(targets, shown, ledger)
        if findings.all_well or time.monotonic() > deadline:
            return Outcome(shown, ledger, findings)
        await asyncio.sleep(POLL_SECONDS)
