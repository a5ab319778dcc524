"""What the API answers about dead letters, and how it follows from the rows."""

from datetime import datetime
from uuid import UUID

import msgspec

from dispatcher.domain.attempt import Attempt
from dispatcher.domain.concern import Concern, concern_of
from dispatcher.domain.status import Status
from dispatcher.domain.template import filling, render
from dispatcher.projections.dead_letters import Letter
from dispatcher.projections.rows import CampaignRow, RecipientRow
from dispatcher.redrive import NotRedriven
from dispatcher.translate import to_time


class DeadLetterView(msgspec.Struct, frozen=True):
    """A message that failed for good. `vps_error` is what the VPS itself said, beside our `error_message`."""

    id: str
    broadcast_id: UUID
    recipient: str
    lead_id: str | None
    session_id: str
    failed_at: datetime
    attempts: int
    error_code: int | None
    error_message: str | None
    vps_error: str | None


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt: its ids, its times, and why it failed where it did."""

    number: int
    id: str
    message_id: str
    started_at: datetime
    accepted_at: datetime | None
    sent_at: datetime | None
    failed_at: datetime | None
    error_code: int | None
    error_message: str | None
    vps_error: str | None


class DeadLetterDetails(msgspec.Struct, frozen=True):
    """A message with all that was tried. `dead`: it still is a dead letter; `status` is where it stands now."""

    id: str
    dead: bool
    status: Status
    broadcast_id: UUID
    recipient: str
    lead_id: str | None
    session_id: str
    message: str
    media_url: str | None
    media_type: str | None
    attempts: list[AttemptView]


class RedriveView(msgspec.Struct, frozen=True):
    """What came of a redrive: so many are sent again (or would be, with `dry_run`); of named ones so many were already,
    and which are not.
    """

    dry_run: bool
    redriven: int
    already: int
    refused: list[NotRedriven]


def letter_view(letter: Letter) -> DeadLetterView:
    """Return a dead letter as the API lists it."""
    concern, row = letter.concern, letter.message
    failure = row.state.standing_failure
    return DeadLetterView(
        concern.attempt_id,
        row.campaign_id,
        row.recipient,
        row.lead_id,
        letter.session_id,
        to_time(concern.since_ms),
        len(row.state.attempts),
        failure.code if failure else None,
        failure.error if failure else None,
        failure.vps_error if failure else None,
    )


def details_of(letter_id: str, row: RecipientRow, campaign: CampaignRow) -> DeadLetterDetails:
    """Return a message with all that was tried; its text is as it was, or would be, sent."""
    state, content = row.state, campaign.campaign.content
    concerned = concern_of(state)
    return DeadLetterDetails(
        letter_id,
        concerned is not None
        and (concerned.concern, concerned.attempt_id) == (Concern.DEAD_LETTER, letter_id),
        state.status,
        row.campaign_id,
        row.recipient,
        row.lead_id,
        campaign.campaign.session_of(state.last.session_id if state.last else None),
        render(content.message, filling(row.recipient, row.lead_id, state.fields)),
        content.media_url,
        content.media_type,
        [_attempt(attempt) for attempt in state.attempts],
    )


def _attempt(attempt: Attempt) -> AttemptView:
    failure = attempt.failed_by or attempt.not_taken
    return AttemptView(
        attempt.number,
        attempt.id,
        attempt.message_id,
        to_time(attempt.started_at_ms),
        _time(attempt.accepted_at_ms),
        _time(attempt.sent_at_ms),
        to_time(failure.at_ms) if failure else None,
        failure.code if failure else None,
        failure.error if failure else None,
        failure.vps_error if failure else None,
    )


def _time(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else to_time(at_ms)
