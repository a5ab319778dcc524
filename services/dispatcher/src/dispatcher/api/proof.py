"""The answer to a creation: what was taken, what was left out and why."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from dispatcher.api.problems import InvalidRecipient
from dispatcher.creation import Recording
from dispatcher.domain.phone import phone_of
from dispatcher.enrolment import Accepted, Invalid
from dispatcher.group_choice import Counts
from dispatcher.projections.rows import RecipientRow

PROOF_ITEMS = 100
"""So many recipients are told in the answer to a creation."""


class ProofItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recipient of the campaign."""

    status: str
    group_jid: str | None = None
    phone: str | None = None
    lead_id: str | None = None


class Proof(msgspec.Struct, frozen=True):
    """What came of a creation. `idempotent`: the same was asked for before, and nothing is sent twice. `success`:
    somebody is, or was, to get it; not where all were skipped, or cancelled. `groups` tells, where groups were asked
    for, how many were chosen and why others were left out.
    """

    success: bool
    idempotent: bool
    broadcast_id: UUID
    job_id: UUID
    status: str
    queued_count: int
    total_recipients: int
    sent_count: int
    items: list[ProofItem]
    invalid_recipients_count: int
    invalid_recipients: list[InvalidRecipient]
    groups: Counts | None = None


def proof(
    recording: Recording, accepted: Accepted, first: Iterable[RecipientRow], groups: Counts | None
) -> Proof:
    """Return the answer; `first` are the campaign's first recipients."""
    row = recording.row
    return Proof(
        success=row.tally.total > row.tally.skipped + row.tally.cancelled,
        idempotent=recording.repeated,
        broadcast_id=row.campaign_id,
        job_id=row.campaign_id,
        status=row.campaign.status.value,
        queued_count=row.tally.queued,
        total_recipients=row.campaign.recipients,
        sent_count=row.tally.succeeded,
        items=[_item(recipient) for recipient in first],
        invalid_recipients_count=len(accepted.invalid),
        invalid_recipients=left_out(accepted.invalid),
        groups=groups,
    )


def left_out(invalid: Iterable[Invalid]) -> list[InvalidRecipient]:
    """Return the first entries that were left out, as the API tells them."""
    told = [InvalidRecipient(entry.index, entry.reason, line=entry.line) for entry in invalid]
    return told[:PROOF_ITEMS]


def _item(row: RecipientRow) -> ProofItem:
    status = row.state.status.value
    if row.kind == "group":
        return ProofItem(status, group_jid=row.recipient, lead_id=row.lead_id)
    return ProofItem(status, phone=phone_of(row.recipient) or row.recipient, lead_id=row.lead_id)
