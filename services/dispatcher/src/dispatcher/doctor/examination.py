"""The whole examination, and how it is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import aiohttp
from rich.console import Console
from rich.text import Text

from dispatcher.doctor import broker, configuration, database, running, vps
from dispatcher.doctor.finding import Finding, State, wrong

LIMIT_SECONDS = 15.0
"""So long one part may take to answer."""
CALL_SECONDS = 5.0

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "bold red"}


async def examine(environment: Mapping[str, str], now_ms: Callable[[], int]) -> list[Finding]:
    """Look at everything at once; a part that does not answer in time is wrong."""
    settings, found = configuration.examine(environment)
    if settings is None:
        return found
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as http:
        parts = {
            "database": database.examine(settings, now_ms),
            "nats": broker.examine(settings, http),
            "vps": vps.examine(settings, http, now_ms),
            "dispatcher": running.examine(settings, http),
        }
        answers = await asyncio.gather(*(_in_time(part, look) for part, look in parts.items()))
    return [*found, *(finding for answer in answers for finding in answer)]


async def _in_time(part: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await look
    except TimeoutError:
        return [
            wrong(part, f"no answer within {LIMIT_SECONDS:g} s", "is it overloaded, or a firewall between?")
        ]


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print what was found, and what is to be done."""
    width = max(len(finding.part) for finding in findings)
    for finding in findings:
        state = Text(f"{finding.state:<8}", style=COLOURS[finding.state])
        console.print(Text.assemble(state, f"{finding.part:<{width}}  {finding.seen}"), soft_wrap=True)
        if finding.advice:
            console.print(Text(f"{'':<{width + 10}}→ {finding.advice}", style="dim"), soft_wrap=True)
    counts = [sum(finding.state is state for finding in findings) for state in (State.WRONG, State.WARNING)]
    console.print(f"{counts[0]} wrong, {counts[1]} to know", highlight=False)
