"""Sends per second of the dispatcher, beside a bare aiohttp loop against the same simulator.

Creation is kept out of the measured span: all campaigns are recorded, and their events relayed, while somebody
else holds the leases of their sessions. The span goes from the return of the leases to the last entry in the
simulator's ledger.
"""

import itertools
import time
from collections.abc import Mapping, Sequence

from local_stack.bench.bare_sends import render_calls, send_all
from local_stack.bench.figure import Figure, MeasurementError, figure_of, scaled
from local_stack.bench.rig import Rig
from local_stack.bench.rounds import take_turns
from local_stack.bench.sending_side import TEXT, VPS_KEY, SendingSide, sending_side

NAME = "sends_per_second"
AIM = 0.4
MESSAGES = 2000
SESSIONS = 200
ROUNDS = 5
SENDS_SECONDS = 60.0
POLL_SECONDS = 0.1

Work = Mapping[str, Sequence[str]]
"""Recipients by session; none stands twice."""


async def measure(rig: Rig, scale: float) -> list[Figure]:
    """Measure with one call in flight on each of many sessions."""
    count = scaled(MESSAGES, scale)
    async with sending_side(rig) as side:
        holders = iter(await _record_all(side, rig, count))
        side.start_dispatcher()
        await side.until_quiet()
        numbers = itertools.count()
        rates = await take_turns(
            NAME,
            lambda: _dispatcher_rate(side, next(holders), count),
            lambda: _bare_rate(side, work_of(f"bare{next(numbers)}", count)),
            ROUNDS,
            rig.tell,
        )
    sessions = min(SESSIONS, count)
    detail = f"{count} messages over {sessions} sessions, no gap, one lane, median of {ROUNDS} rounds"
    return [figure_of(NAME, rates.value, rates.bare, AIM, detail)]


def work_of(round_name: str, count: int) -> Work:
    """Return so many groups, shared out to sessions that no other round has."""
    groups = [f"120363{number:012d}@g.us" for number in range(count)]
    sessions = min(SESSIONS, count)
    return {f"wa_{round_name}_{number}": groups[number::sessions] for number in range(sessions)}


async def _record_all(side: SendingSide, rig: Rig, count: int) -> list[str]:
    """Record the campaigns of all rounds; return who holds the sessions of each round."""
    rig.tell(f"recording {(ROUNDS + 1) * count} messages")
    holders = [f"round{number}" for number in range(ROUNDS + 1)]
    for holder in holders:
        for session_id, recipients in work_of(holder, count).items():
            await side.record(session_id, recipients)
        await side.hold(holder)
    return holders


async def _dispatcher_rate(side: SendingSide, holder: str, count: int) -> float:
    await side.vps.reset()
    started_ms = time.time() * 1000
    await side.release(holder)
    await side.until_received(count, POLL_SECONDS, SENDS_SECONDS)
    seconds = await _seconds_to_last(side, count, started_ms)
    await side.until_quiet()
    return count / seconds


async def _bare_rate(side: SendingSide, work: Work) -> float:
    calls = {each: render_calls(each, recipients, TEXT) for each, recipients in work.items()}
    count = sum(map(len, work.values()))
    await side.vps.reset()
    started_ms = time.time() * 1000
    await send_all(side.vps_url, VPS_KEY, calls)
    return count / await _seconds_to_last(side, count, started_ms)


async def _seconds_to_last(side: SendingSide, count: int, started_ms: float) -> float:
    """Return the seconds until the VPS had all messages. Raises MeasurementError unless each came once."""
    ledger = await side.vps.ledger()
    distinct = len({entry.client_ref for entry in ledger.items})
    if not distinct == ledger.sent == count:
        raise MeasurementError(
            f"the VPS has {ledger.sent} messages, {distinct} of them distinct, not {count}"
        )
    return (max(entry.sent_at_ms for entry in ledger.items) - started_ms) / 1000
