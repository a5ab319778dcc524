"""The whole answer: where a message stands, what led there, what it waits for, which callbacks nobody could place."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from dispatcher.domain import campaign as campaigns
from dispatcher.domain import recipient_events as event
from dispatcher.explanation.standing import standing
from dispatcher.explanation.steps import words_of, words_of_campaign
from dispatcher.explanation.waiting import Place, waiting
from dispatcher.parking import AMBIGUOUS
from dispatcher.projections.rows import RecipientRow
from dispatcher.translate import to_time


class Happened(msgspec.Struct, frozen=True):
    """A recorded event of the recipient, or a decision about its campaign; `causation` is the message behind it."""

    fact: event.Event | campaigns.Decided
    causation: str | None = None


class Unplaced(msgspec.Struct, frozen=True):
    """A callback that waits, and may be about this message; `kind` is the report's type."""

    id: str
    kind: str
    reason: str
    parked_at_ms: int


class Step(msgspec.Struct, frozen=True):
    """One step of the chain. `event` is its stored name; `causation` is the id of the callback or command behind it."""

    at: datetime
    event: str
    attempt: int | None
    what: str
    causation: str | None


class Callback(msgspec.Struct, frozen=True):
    """A callback that nobody could place, and why it may concern this message."""

    id: str
    at: datetime
    what: str


class Why(msgspec.Struct, frozen=True):
    """Why a message is where it is. `waits_for` says what comes next, `until` when where that is known, `held_up_by`
    what must end before.
    """

    broadcast_id: UUID
    recipient: str
    status: str
    standing: str
    waits_for: str
    until: datetime | None
    held_up_by: tuple[str, ...]
    steps: list[Step]
    unplaced_callbacks: list[Callback]


def explain(
    row: RecipientRow, history: Sequence[Happened], place: Place, unplaced: Sequence[Unplaced]
) -> Why:
    """Return the answer; `history` in any order: it is told by time."""
    next_one = waiting(row.state, row.kind, place)
    told = sorted(history, key=lambda happened: happened.fact.at_ms)
    return Why(
        row.campaign_id,
        row.recipient,
        row.state.status.value,
        standing(row.state),
        next_one.words,
        to_time(next_one.until_ms) if next_one.until_ms is not None else None,
        next_one.held_up_by,
        [_step(happened) for happened in told],
        [Callback(one.id, to_time(one.parked_at_ms), _unplaced(one)) for one in unplaced],
    )


def _step(happened: Happened) -> Step:
    fact = happened.fact
    what = words_of_campaign(fact) if isinstance(fact, campaigns.Decided) else words_of(fact)
    attempt = fact.attempt if isinstance(fact, event.AboutAttempt) else None
    name = str(fact.__struct_config__.tag)
    return Step(to_time(fact.at_ms), name, attempt, what, happened.causation)


def _unplaced(one: Unplaced) -> str:
    if one.reason == AMBIGUOUS:
        return f"{one.kind}: more than one message was open here, so it was not applied to any"
    return f"{one.kind}: no message is known that it is about, and it waits for one"
