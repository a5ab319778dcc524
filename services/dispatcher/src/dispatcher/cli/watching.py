"""Look at a campaign until it is finished."""

import time
from collections.abc import Iterator

import msgspec

from dispatcher.cli.answers import Campaign
from dispatcher.cli.client import path_of
from dispatcher.cli.exits import Exit, NoAnswer
from dispatcher.cli.invocation import Invocation
from dispatcher.cli.rate import Rate
from dispatcher.cli.screens import Look, screen_for

FINISHED = frozenset({"completed", "partial", "failed", "cancelled"})
INTERVAL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""So long an API that is away is waited for: its restart must not end a watch."""


def watch(call: Invocation, campaign_id: str, interval_seconds: float) -> Exit:
    """Show a campaign until it is finished; return OK only if all its recipients got it."""
    rate, status = Rate(), ""
    with screen_for(as_json=call.as_json) as screen:
        for answer in _answers(call, path_of("campaigns", campaign_id), interval_seconds):
            campaign = msgspec.json.decode(answer, type=Campaign)
            status = campaign.status
            now = time.monotonic()
            rate.add(now, campaign.settled)
            screen.show(Look(campaign, answer, rate.per_second, rate.seconds_left(campaign.open), now))
            if status in FINISHED:
                break
    return Exit.OK if status == "completed" else Exit.FAILED


def _answers(call: Invocation, path: str, interval_seconds: float) -> Iterator[bytes]:
    """Ask again and again; an API that does not answer for a while is waited for."""
    give_up_at = None
    while True:
        try:
            yield call.api.get(path)
            give_up_at = None
        except NoAnswer as failure:
            if give_up_at is None:
                give_up_at = time.monotonic() + PATIENCE_SECONDS
                call.note(f"{failure}; trying again")
            if time.monotonic() > give_up_at:
                raise
        time.sleep(interval_seconds)
