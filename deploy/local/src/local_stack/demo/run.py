"""`make demo`: a stack in a folder of its own, four campaigns through a misbehaving VPS, and the proof."""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
from rich.console import Console

from local_stack.demo.campaigns import Outcome, send_and_watch
from local_stack.demo.cases import CASES, with_rest
from local_stack.demo.plan import Target, plan_targets
from local_stack.demo.report import Summary, last_line, rows_of, summarise, table_of, totals_of, verdict_of
from local_stack.ports import ports_of
from local_stack.settings import Settings, read_settings
from local_stack.stack import Stack
from local_stack.up import ending_by_signal, running

RECIPIENTS = 200
SESSIONS = ("wa_north", "wa_east", "wa_south", "wa_west")
SEED = 7
INTERRUPTED = 130

INTRODUCTION = f"""\
{RECIPIENTS} messages go out over {len(SESSIONS)} sessions, through a simulated VPS that misbehaves: it loses answers,
repeats, delays and drops callbacks, rejects, forgets. At the end what we show for each recipient is compared
with the VPS's ledger of what it really sent. Expect half a minute.
"""

FAST = {
    "SEND_GAP_MS": "50",
    "CALLBACK_DEADLINE_S": "3",
    "RETRY_BACKOFF_S": "1,2",
    "MAX_ATTEMPTS": "3",
    "VPS_TIMEOUT_S": "1",
    "SWEEP_S": "1",
    "UNCONFIRMED_POLICY": "hold",
    "SEND_ENABLED": "true",
    "SESSION_LANES": "1",
}
"""The dispatcher's settings, so that what takes minutes takes seconds."""


def run_demo(environment: Mapping[str, str], console: Console) -> int:
    """Run the demo. Returns the exit code: 0 when every status is true. Its logs stay when it is not."""
    folder = Path(tempfile.mkdtemp(prefix="local-stack-demo-"))
    keep_logs = True
    try:
        with ending_by_signal():
            summary = run_in(folder, environment, console)
        keep_logs = not summary.ok
    except KeyboardInterrupt:
        keep_logs = False
        return INTERRUPTED
    finally:
        if keep_logs:
            console.print(f"the logs are in {folder / 'logs'}")
        else:
            shutil.rmtree(folder)
    console.print(last_line(summary), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.ok else 1


def run_in(folder: Path, environment: Mapping[str, str], console: Console) -> Summary:
    """Run the demo with its data in `folder`, and print what a reader wants to know."""
    started_at = time.monotonic()
    ports = ports_of(environment)
    settings = settings_for(environment, folder)
    stack = Stack(settings, {**environment, **FAST}, ports.next_port, console.print)
    cases = with_rest(CASES, RECIPIENTS)
    targets = plan_targets(cases, SESSIONS, random.Random(SEED))  # noqa: S311 - the same each time
    console.print(INTRODUCTION)
    with running(stack) as place:
        outcome = asyncio.run(send_and_watch(stack, place, targets, console))
        console.print("folding all events again, to compare them with the live projections")
        rebuild_ok, said = stack.verify_projections()
    console.print(said, markup=False)
    summary = summary_of(targets, outcome, rebuild_ok, time.monotonic() - started_at)
    console.print(table_of(rows_of(cases, targets, outcome.shown)))
    console.print(totals_of(summary), highlight=False)
    console.print("\n".join(verdict_of(outcome.findings, rebuild_ok=rebuild_ok)), highlight=False)
    return summary


def settings_for(environment: Mapping[str, str], folder: Path) -> Settings:
    """Return the settings of the demo's stack: given servers are used, but ports and the VPS are its own."""
    given = read_settings({name: environment.get(name, "") for name in ("NATS_URL", "DATABASE_URL")})
    return msgspec.structs.replace(given, local_dir=str(folder))


def summary_of(targets: list[Target], outcome: Outcome, rebuild_ok: bool, seconds: float) -> Summary:
    """Return the counts of the last line."""
    reached = sum(not entry.refused for entry in outcome.ledger)
    return summarise(
        targets, outcome.shown, outcome.findings, ledger=reached, rebuild_ok=rebuild_ok, seconds=seconds
    )
