"""`make soak`: a stack of its own, callbacks at a rate, samples all the while, and the verdict."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
import msgspec
from rich.console import Console

from contracts.commands import CampaignSpec
from local_stack.api_client import ApiClient
from local_stack.demo.plan import jid_of_number, recipient_of
from local_stack.fault.setting import inherited
from local_stack.ports import ports_of
from local_stack.settings import Settings
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.ledger import Entry
from local_stack.soak import report, verdict
from local_stack.soak.load import Load
from local_stack.soak.report import Summary
from local_stack.soak.samples import Sample, lag_of, use_of
from local_stack.stack import Stack
from local_stack.stack_file import StackFile
from local_stack.up import ending_by_signal, running

INTERRUPTED = 130
MESSAGES = 100
SAMPLES = 120
LEAST_PAUSE = 0.25
"""Seconds between two samples of a short run."""
"""So many samples are taken in all; not more than one a second."""
TOLD_EVERY = 10
SENT_SECONDS = 60.0
CALM_SECONDS = 60.0
POLL_SECONDS = 0.5
SETTINGS = {"SEND_GAP_MS": "20", "SEND_GAP_JITTER": "0"}

Say = Callable[[str], None]


class Wish(msgspec.Struct, frozen=True):
    """What is to be run; memory may grow by `tolerance_percent` after the warm-up."""

    minutes: float
    rate: float
    tolerance_percent: float = 5.0

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return self.minutes * 60


def run_soak(environment: Mapping[str, str], wish: Wish, console: Console) -> int:
    """Run the soak. Returns the exit code: 0 when nothing grows and nothing waits at the end."""
    folder = Path(tempfile.mkdtemp(prefix="local-stack-soak-"))
    try:
        with ending_by_signal():
            summary = run_in(folder, environment, wish, console)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.print(report.table_of(summary))
    console.print("\n".join(report.verdict_of(summary)), markup=False, highlight=False, soft_wrap=True)
    console.print(report.last_line(summary), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.ok else 1


def run_in(folder: Path, environment: Mapping[str, str], wish: Wish, console: Console) -> Summary:
    """Run with all files in `folder`."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    ports = ports_of(environment)
    stack = Stack(
        Settings(local_dir=str(folder)), {**inherited(environment), **SETTINGS}, ports.next_port, say
    )
    with running(stack) as place:
        return asyncio.run(soak(place, wish, say))


async def soak(place: StackFile, wish: Wish, say: Say) -> Summary:
    """Send some messages, post callbacks about them, and look at everything meanwhile."""
    async with aiohttp.ClientSession() as http:
        load = Load(http, place.gateway_url, place.webhook_api_key, await send_messages(place))
        posting = asyncio.create_task(load.run(wish.rate, wish.seconds))
        samples = await watch(place, wish, posting, say)
        await posting
        last_lag = await calm(place)
    growth = verdict.growth_of(samples, wish.seconds)
    posted = load.answers.total()
    refused, wanted = posted - load.answers["202"], wish.rate * wish.seconds
    found = verdict.complaints(growth, wish.tolerance_percent, last_lag, refused, posted, wanted)
    return Summary(
        ok=not found,
        minutes=wish.minutes,
        rate=wish.rate,
        answers=dict(load.answers),
        longest_answer_seconds=round(load.longest_seconds, 3),
        highest_lag=max(sample.lag for sample in samples),
        last_lag=last_lag,
        parts={name: report.part_of(each) for name, each in growth.items()},
        complaints=found,
    )


async def send_messages(place: StackFile) -> list[Entry]:
    """Have some messages sent; return what the VPS wrote. Raises TimeoutError."""
    recipients = [recipient_of(jid_of_number(number)) for number in range(MESSAGES)]
    async with (
        ApiClient(place.api_url, place.api_key) as api,
        SimulatorClient(place.vps_url, place.vps_api_key) as vps,
    ):
        await api.create(CampaignSpec(session_id="wa_soak", message="Hello", recipients=recipients))
        async with asyncio.timeout(SENT_SECONDS):
            while True:
                ledger = await vps.ledger()
                if ledger.sent == MESSAGES:
                    return ledger.items
                await asyncio.sleep(POLL_SECONDS)


async def watch(place: StackFile, wish: Wish, posting: asyncio.Task[None], say: Say) -> list[Sample]:
    """Take samples until the load is over."""
    samples: list[Sample] = []
    began, pause = time.monotonic(), max(LEAST_PAUSE, wish.seconds / SAMPLES)
    while not posting.done():
        uses = await asyncio.to_thread(use_of, place.pids)
        lag = await lag_of(place.nats_url, place.database_url)
        samples.append(Sample(time.monotonic() - began, uses, lag))
        if len(samples) % TOLD_EVERY == 1:
            say(words_of(samples[-1]))
        await asyncio.wait({posting}, timeout=pause)
    return samples


async def calm(place: StackFile) -> int:
    """Wait until nothing waits any more; return what still does when the time is up."""
    deadline = time.monotonic() + CALM_SECONDS
    while True:
        lag = await lag_of(place.nats_url, place.database_url)
        if not lag or time.monotonic() > deadline:
            return lag
        await asyncio.sleep(POLL_SECONDS)


def words_of(sample: Sample) -> str:
    """Tell a sample in one line."""
    parts = ", ".join(
        f"{name} {use.memory_bytes / report.MIB:.1f} MiB {use.descriptors} fds"
        for name, use in sample.parts.items()
    )
    return f"{sample.at_seconds:6.0f} s  lag {sample.lag}; {parts}"
