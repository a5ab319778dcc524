"""Send dead letters again: named ones at once, selected ones by an order that a process carries out part by part.

Each gets a new attempt under ids of its own, so that no idempotency key of an earlier one can stand in its way; an
automatic retry that is still to come is cancelled by it.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain.campaign_decider import CANCELLED_ALREADY
from dispatcher.domain.recipient_commands import Retry
from dispatcher.domain.recipient_decisions import Refused, decide, refusal_of
from dispatcher.domain.status import CampaignStatus
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.projections.lookups import find_attempts
from dispatcher.store.stream_names import Key


class Who(msgspec.Struct, frozen=True):
    """Who wants it, of which tenant, and why."""

    tenant: str
    by: str
    why: str | None = None


class NotRedriven(msgspec.Struct, frozen=True):
    """A named message that is not sent again, and why."""

    id: str
    code: str
    detail: str


class Redriven(msgspec.Struct, frozen=True):
    """What came of named messages: so many are sent again, so many were already, and which are not."""

    redriven: int
    already: int
    refused: list[NotRedriven]


UNKNOWN = Refused("NOT_FOUND", "there is no such message")
CANCELLED = Refused(CANCELLED_ALREADY.code, CANCELLED_ALREADY.detail)


async def redrive_named(
    engine: AsyncEngine, rules: Rules, who: Who, ids: Sequence[UUID], now_ms: int, *, dry_run: bool
) -> Redriven:
    """Send messages again, each named by one of its attempts' ids; with `dry_run` only tell what would come of it."""
    redriven, already, refused = 0, 0, []
    async with batch(engine, rules, now_ms) as (connection, handling):
        found = await find_attempts(connection, who.tenant, ids)
        await handling.load(connection, [key for key, _ in found.values()])
        for attempt_id in dict.fromkeys(map(str, ids)):
            outcome = _redrive(handling, found.get(attempt_id), who, dry_run=dry_run)
            if isinstance(outcome, Refused):
                refused.append(NotRedriven(attempt_id, outcome.code, outcome.detail))
            else:
                redriven, already = redriven + outcome, already + (not outcome)
    return Redriven(redriven, already, refused)


def redrive_part(handling: Handling, keys: Sequence[Key], who: Who) -> int:
    """Send messages again that are loaded; return how many. What has not failed any more stays as it is."""
    told = 0
    for key in keys:
        if not _is_cancelled(handling, key) and key in handling.changes.recipients:
            told += handling.tell_recipient(key, _wish(handling, who), Cause(str(key[0])))
    return told


def _redrive(handling: Handling, found: tuple[Key, int] | None, who: Who, *, dry_run: bool) -> bool | Refused:
    """Return whether a message is sent again now; False where it is so already."""
    if found is None:
        return UNKNOWN
    key, number = found
    state = handling.changes.recipients[key].state
    if state.forgiven >= number or (state.last is not None and state.last.number > number):
        return False
    if _is_cancelled(handling, key):
        return CANCELLED
    wish = _wish(handling, who)
    refused = refusal_of(wish, state)
    if refused:
        return refused
    if dry_run:
        return bool(decide(wish, state))
    return handling.tell_recipient(key, wish, Cause(str(key[0])))


def _wish(handling: Handling, who: Who) -> Retry:
    return Retry(handling.now_ms, who.by, who.why, pending=True)


def _is_cancelled(handling: Handling, key: Key) -> bool:
    campaign = handling.changes.campaigns.get(key[0])
    return campaign is not None and campaign.campaign.status is CampaignStatus.CANCELLED
