"""How soon a message leaves that becomes due on an idle session: from its commit to the VPS.

The dispatcher holds the session and waits; the commit's notification wakes it. Then once more with notifications off:
the sweep alone finds the message. No bound stands beside either.
"""

import asyncio
import random
import time

from local_stack.bench.figure import Latency, latency_of, scaled
from local_stack.bench.rig import Rig
from local_stack.bench.sending_side import SendingSide, sending_side

NAME = "commit_to_send_ms"
SWEPT_NAME = "commit_to_send_swept_ms"
MESSAGES = 50
SWEPT_MESSAGES = 20
SESSIONS = 5
SWEEP_SECONDS = 1
POLL_SECONDS = 0.01
MESSAGE_SECONDS = 10.0


async def measure(rig: Rig, scale: float) -> list[Latency]:
    """Measure message after message; the first of each session, which also takes its lease, does not count."""
    woken = await _samples(rig, scaled(MESSAGES, scale), 0)
    told = f"on {SESSIONS} idle sessions in turn; received at whole milliseconds by the simulator's clock"
    return [latency_of(NAME, woken, told)]


async def measure_swept(rig: Rig, scale: float) -> list[Latency]:
    """Measure with notifications off; each message is recorded at a random time between two sweeps."""
    settings = {"NOTIFICATIONS": "false", "SWEEP_S": str(SWEEP_SECONDS)}
    swept = await _samples(rig, scaled(SWEPT_MESSAGES, scale), SWEEP_SECONDS, **settings)
    return [latency_of(SWEPT_NAME, swept, f"notifications off, a sweep each {SWEEP_SECONDS} s")]


async def _samples(rig: Rig, count: int, pause_seconds: float, **settings: str) -> list[float]:
    draw = random.Random(count)  # noqa: S311 - not a secret
    samples = []
    async with sending_side(rig) as side:
        side.start_dispatcher(**settings)
        await side.until_quiet()
        for number in range(SESSIONS + count):
            await asyncio.sleep(pause_seconds * draw.random())
            samples.append(await _milliseconds(side, number))
    return samples[SESSIONS:]


async def _milliseconds(side: SendingSide, number: int) -> float:
    """Send one message; return the time from its commit to the simulator's ledger."""
    await side.vps.reset()
    await side.record(f"wa_idle_{number % SESSIONS}", [f"120363{number:012d}@g.us"])
    committed_ms = time.time() * 1000
    await side.until_received(1, POLL_SECONDS, MESSAGE_SECONDS)
    entry = (await side.vps.ledger()).items[0]
    await side.until_quiet()
    return entry.sent_at_ms - committed_ms
