"""`make fault`: starts the field, sends the campaign, injects what is planned, and compares at the end."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from local_stack.children import StartError
from local_stack.fault import report
from local_stack.fault.abilities import Abilities, find_abilities
from local_stack.fault.assault import Outcome, Say, Wish, hit
from local_stack.fault.field import COMMAND_SECONDS, Field, choose_ports
from local_stack.fault.plan import Plan, plan_faults
from local_stack.fault.setting import gap_ms
from local_stack.fault.summary import Summary, summarise
from local_stack.ports import ports_of
from local_stack.up import ending_by_signal

INTERRUPTED = 130


def run_fault(environment: Mapping[str, str], wish: Wish, console: Console) -> int:
    """Run the suite. Returns the exit code: 0 when nothing is lost, twice or invented. Else the folder is kept."""
    folder = Path(tempfile.mkdtemp(prefix="local-stack-fault-"))
    folder.chmod(0o711)  # PostgreSQL, which is not root, must reach its disk
    keep = True
    try:
        with ending_by_signal():
            summary = run_in(folder, environment, wish, console)
        keep = not summary.ok
    except KeyboardInterrupt:
        keep = False
        return INTERRUPTED
    finally:
        if keep:
            console.print(f"logs, ledger and answers are in {folder}", highlight=False, soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(report.last_line(summary), markup=False, highlight=False, soft_wrap=True)
    return 0 if summary.ok else 1


def run_in(folder: Path, environment: Mapping[str, str], wish: Wish, console: Console) -> Summary:
    """Run with all files in `folder`, and print what a reader wants to know."""
    started_at = time.monotonic()
    say = speaker(console, started_at)
    abilities = find_abilities(environment)
    plan = plan_faults(wish.seed, wish.faults, abilities.kinds)
    introduce(wish, plan, abilities, say)
    outcome, verified = carry_out(new_field(folder, environment, wish, plan, abilities, say), wish, plan, say)
    summary = summarise(
        wish.seed,
        outcome.struck,
        abilities.left_out,
        outcome.evidence,
        outcome.findings,
        outcome.held,
        toothless=outcome.toothless,
        verified=verified,
        at_rest=outcome.at_rest,
        ended_by_themselves=outcome.ended_by_themselves,
        seconds=time.monotonic() - started_at,
    )
    console.print(report.faults_table(summary))
    console.print(report.messages_table(summary))
    verdict = "\n".join(report.verdict_of(summary, outcome.findings))
    console.print(verdict, markup=False, highlight=False, soft_wrap=True)
    return summary


def carry_out(field: Field, wish: Wish, plan: Plan, say: Say) -> tuple[Outcome, bool]:
    """Start the field, hit it, and stop it; return what came of it, and whether all rows equal their events."""
    with field.proxies:
        try:
            field.start()
            outcome = asyncio.run(hit(field, wish, plan, say))
            say("folding all events again, to compare them with the live projections")
            return outcome, verify(field, say)
        finally:
            ignore_signals()
            field.stop()


def new_field(
    folder: Path, environment: Mapping[str, str], wish: Wish, plan: Plan, abilities: Abilities, say: Say
) -> Field:
    """Return the system, not started yet."""
    ports = choose_ports(ports_of(environment).next_port)
    gap = gap_ms(wish.size, plan.estimated_seconds)
    return Field(folder, ports, abilities, environment, wish.seed, gap, say)


def introduce(wish: Wish, plan: Plan, abilities: Abilities, say: Say) -> None:
    """Say what is coming."""
    say(
        f"{wish.faults} faults (seed {wish.seed}) while {wish.size.recipients} messages go out over "
        f"{wish.size.sessions} sessions; expect {plan.estimated_seconds / 60:.0f} minutes and more"
    )
    for kind, why in abilities.left_out.items():
        say(f"left out: {kind}: {why}")


def verify(field: Field, say: Say) -> bool:
    """Fold all events again; tell whether the rows are equal, and what the dispatcher said of it."""
    command = field.verify_command()
    try:
        command.run(COMMAND_SECONDS)
    except StartError as failure:
        say(str(failure))
        return False
    say(command.last_lines(1))
    return True


def ignore_signals() -> None:
    """Let nothing cut the orderly end short."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)


def speaker(console: Console, started_at: float) -> Say:
    """Return what tells the user how far it is."""

    def say(line: str) -> None:
        seconds = time.monotonic() - started_at
        console.print(f"{seconds:6.1f} s  {line}", markup=False, highlight=False, soft_wrap=True)

    return say
