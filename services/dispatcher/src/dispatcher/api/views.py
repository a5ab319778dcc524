"""What the API answers, and how it follows from the rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from dispatcher.domain.status import Status
from dispatcher.projections.rows import CampaignRow, RecipientRow
from dispatcher.publishing import details_of
from dispatcher.store.postgres import Stored
from dispatcher.translate import to_time


class CampaignView(msgspec.Struct, frozen=True):
    """A campaign. `sent_count` counts sent, delivered and read; `queued_count` those that have not left yet."""

    broadcast_id: UUID
    status: str
    session_id: str
    priority: str
    total_recipients: int
    counts: dict[str, int]
    sent_count: int
    failed_count: int
    queued_count: int
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None


class RecipientView(msgspec.Struct, frozen=True):
    """One recipient of a campaign. `vps_error` is what the VPS itself said, beside our `error_message`."""

    recipient: str
    kind: str
    lead_id: str | None
    status: str
    attempt: int
    message_id: str | None
    error_code: int | None
    error_message: str | None
    vps_error: str | None
    queued_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    delivered_count: int
    read_count: int
    reaction_count: int


class HistoryItem(msgspec.Struct, frozen=True):
    """One step of a recipient: what happened, when, what it came to, and what led to it."""

    version: int
    event: str
    at: datetime
    status: str
    correlation: str
    causation: str | None
    details: dict[str, object]


class Items(msgspec.Struct, frozen=True):
    """A page of a list; `next` is the cursor to hand back as `after`, null on the last page."""

    items: list[Any]
    next: str | None = None


def campaign_view(row: CampaignRow) -> CampaignView:
    """Return a campaign as the API shows it."""
    campaign, tally = row.campaign, row.tally
    return CampaignView(
        broadcast_id=row.campaign_id,
        status=campaign.status.value,
        session_id=campaign.session_id,
        priority=campaign.priority,
        total_recipients=campaign.recipients,
        counts=msgspec.structs.asdict(tally),
        sent_count=tally.succeeded,
        failed_count=tally.failed,
        queued_count=tally.queued,
        created_at=to_time(campaign.created_at_ms),
        scheduled_at=_time(campaign.scheduled_at_ms),
        started_at=_time(campaign.started_at_ms),
        finished_at=_time(campaign.finished_at_ms),
        cancelled_at=_time(campaign.cancelled_at_ms),
    )


def recipient_view(row: RecipientRow) -> RecipientView:
    """Return a recipient as the API shows it."""
    state = row.state
    telling, failure = state.telling, state.standing_failure
    attempts = state.attempts
    return RecipientView(
        recipient=row.recipient,
        kind=row.kind,
        lead_id=row.lead_id,
        status=state.status.value,
        attempt=attempts[-1].number if attempts else 0,
        message_id=telling.message_id if telling else None,
        error_code=failure.code if failure else None,
        error_message=failure.error if failure else state.reason,
        vps_error=failure.vps_error if failure else None,
        queued_at=to_time(state.queued_at_ms),
        due_at=_time(state.due_at_ms),
        sent_at=_time(telling.sent_at_ms if telling else None),
        delivered_at=_time(_earliest(attempt.delivered_at_ms for attempt in attempts)),
        read_at=_time(_earliest(attempt.read_at_ms for attempt in attempts)),
        failed_at=_time(failure.at_ms) if failure and state.status is Status.FAILED else None,
        delivered_count=state.delivered_count,
        read_count=state.read_count,
        reaction_count=state.reaction_count,
    )


def history_item(stored: Stored) -> HistoryItem:
    """Return a recorded event as the API shows it."""
    return HistoryItem(
        stored.version,
        stored.type,
        to_time(stored.recorded_at_ms),
        stored.status,
        stored.correlation,
        stored.causation,
        details_of(stored),
    )


def _time(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else to_time(at_ms)


def _earliest(times: Any) -> int | None:
    return min((at_ms for at_ms in times if at_ms is not None), default=None)
