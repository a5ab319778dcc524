"""The assault: sends the campaign, injects what is planned, waits for the end, and has everything compared."""

import asyncio
from collections.abc import Callable

import aiohttp
import msgspec

from local_stack.api_client import ApiClient
from local_stack.fault import acknowledgement, campaigns
from local_stack.fault.beside import beside
from local_stack.fault.check import Findings, compare
from local_stack.fault.evidence import Evidence
from local_stack.fault.field import Field
from local_stack.fault.flood import Flood
from local_stack.fault.keeper import Keeper
from local_stack.fault.plan import Plan, Round
from local_stack.fault.recovery import NotRecoveredError, Recovery
from local_stack.fault.setting import Size
from local_stack.fault.settling import Held, Settling
from local_stack.fault.strikes import Striker
from local_stack.fault.summary import Struck
from local_stack.fault.witnesses import collect
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.keeping import read_ledger

LOOK_SECONDS = 0.1
RECOVERY_SECONDS = 90.0
REST_SECONDS = 120.0
"""So long, and as long as the campaign would take by itself, the system may need to come to rest."""

Say = Callable[[str], None]


class Wish(msgspec.Struct, frozen=True):
    """What is to be run."""

    seed: int
    faults: int
    size: Size


class Outcome(msgspec.Struct, frozen=True):
    """What came of it."""

    struck: list[Struck]
    toothless: list[str]
    evidence: Evidence
    findings: Findings
    held: Held
    at_rest: str
    ended_by_themselves: dict[str, int]


async def hit(field: Field, wish: Wish, plan: Plan, say: Say) -> Outcome:
    """Send, strike, wait for the end, and compare."""
    place = field.place()
    keeper = Keeper(field.parts, say)
    async with (
        SimulatorClient(place.vps_url, place.vps_api_key) as vps,
        ApiClient(place.api_url, place.api_key) as api,
        aiohttp.ClientSession() as http,
        beside(acknowledgement.keep_short(place.nats_url)),
        beside(keep(keeper)),
    ):
        planned = campaigns.plan_messages(wish.size)
        await campaigns.create(api, vps, planned, f"Hello ({wish.seed})")
        flood = Flood(field, http)
        striker = Striker(field, keeper, vps, (await vps.knobs()).defaults, flood)
        recovery = Recovery(field, http)
        struck = await strike_all(plan, striker, recovery, lambda: len(read_ledger(field.kept)), say)
        say("the faults are over; waiting until all is at rest")
        settling = Settling(field, vps, api)
        at_rest = await settling.rest(REST_SECONDS + plan.estimated_seconds)
        at_rest = at_rest or await lacking_at_the_end(recovery)
        say(at_rest or "all is at rest; comparing")
        evidence = await collect(field.kept, place, api, planned, [*recovery.probes, *flood.taken])
        ended = dict(keeper.ended)
        toothless = [fault.words for fault in striker.toothless]
        return Outcome(struck, toothless, evidence, compare(evidence), settling.held, at_rest, ended)


async def strike_all(
    plan: Plan, striker: Striker, recovery: Recovery, written: Callable[[], int], say: Say
) -> list[Struck]:
    """Go through the plan: rest, strike, wait until all is well."""
    struck: list[Struck] = []
    for each in plan.rounds:
        before = written()
        await asyncio.sleep(each.rest_seconds)
        await asyncio.gather(*(striker.strike(fault) for fault in each.faults))
        seconds, words = await recover(recovery)
        sent = written()
        struck += [Struck(fault, seconds, sent - before) for fault in each.faults]
        say(f"[{len(struck):>3}/{len(plan.faults)}] {words_of(each)} | {words} | sent {sent}")
    return struck


async def recover(recovery: Recovery) -> tuple[float | None, str]:
    """Return how long it took until all was well, and in words."""
    try:
        seconds = await recovery.wait(RECOVERY_SECONDS)
    except NotRecoveredError as failure:
        return None, str(failure)
    return seconds, f"well after {seconds:.1f} s"


async def lacking_at_the_end(recovery: Recovery) -> str:
    """Return what is not well although nothing disturbs it any more; empty where all is."""
    seconds, words = await recover(recovery)
    return words if seconds is None else ""


def words_of(each: Round) -> str:
    """Tell what a round does."""
    return " + ".join(fault.words for fault in each.faults)


async def keep(keeper: Keeper) -> None:
    """Look after the parts, until cancelled."""
    while True:
        keeper.look()
        await asyncio.sleep(LOOK_SECONDS)
