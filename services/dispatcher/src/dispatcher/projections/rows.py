"""The rows of the projections, and of the look-ups beside them."""

from uuid import UUID

import msgspec

from dispatcher.domain.campaign import Campaign
from dispatcher.domain.group import Group
from dispatcher.domain.outcome import Outcome
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.session import Session
from dispatcher.domain.tally import Tally
from dispatcher.store.stream_names import GroupKey, Key

ReaderKey = tuple[UUID, str, str, str]
"""Campaign, recipient, kind (delivered, read or reaction), reader."""


class RecipientRow(msgspec.Struct, frozen=True):
    """A line of `recipient_status`: where one recipient stands, and the decider's state."""

    campaign_id: UUID
    recipient: str
    position: int
    kind: str
    lead_id: str | None
    version: int
    state: Recipient

    @property
    def key(self) -> Key:
        """Its campaign and its JID."""
        return self.campaign_id, self.recipient


class CampaignRow(msgspec.Struct, frozen=True):
    """A line of `campaign_status`: the campaign's state and its totals."""

    campaign_id: UUID
    version: int
    campaign: Campaign
    tally: Tally


class SessionRow(msgspec.Struct, frozen=True):
    """A line of `session_status`."""

    session_id: str
    version: int
    state: Session


class GroupRow(msgspec.Struct, frozen=True):
    """A line of `group_directory`, or of `community_parents`."""

    session_id: str
    group_jid: str
    version: int
    state: Group

    @property
    def key(self) -> GroupKey:
        """The session that sees it, and its JID."""
        return GroupKey(self.session_id, self.group_jid)


class AttemptRow(msgspec.Struct, frozen=True):
    """A line of `attempts`: whose attempt an id is; written once."""

    attempt_id: str
    campaign_id: UUID
    recipient: str
    number: int
    session_id: str
    started_at_ms: int


class OpenAttemptRow(msgspec.Struct, frozen=True):
    """A line of `open_attempts`: an attempt whose outcome is still to come.

    While `in_flight` it keeps other campaigns from sending to that recipient through that session.
    """

    attempt_id: str
    campaign_id: UUID
    recipient: str
    number: int
    session_id: str
    deadline_ms: int
    in_flight: bool


class MessageIdRow(msgspec.Struct, frozen=True):
    """A line of `message_ids`: whose message an id is."""

    message_id: str
    campaign_id: UUID
    recipient: str
    attempt: int


class ReaderRow(msgspec.Struct, frozen=True):
    """A line of `readers`: what one reader did, so that it counts once."""

    campaign_id: UUID
    recipient: str
    kind: str
    reader: str
    present: bool
    seen_at_ms: int

    @property
    def key(self) -> ReaderKey:
        """What makes it one line."""
        return self.campaign_id, self.recipient, self.kind, self.reader


class IdempotencyRow(msgspec.Struct, frozen=True):
    """A line of `idempotency_keys`: which campaign a tenant's key named first."""

    tenant: str
    idempotency_key: str
    campaign_id: UUID


class ConcernRow(msgspec.Struct, frozen=True):
    """A line of `concerns`: a message that somebody should look at, and since when."""

    campaign_id: UUID
    recipient: str
    tenant: str
    concern: str
    attempt_id: str
    error_code: int | None
    since_ms: int


class DismissalRow(msgspec.Struct, frozen=True):
    """A line of `dismissals`: an item that a tenant wants to be told no more, written once."""

    tenant: str
    item: str
    at_ms: int
    by: str
    why: str | None


class OutcomeRow(msgspec.Struct, frozen=True):
    """A line of `outcomes`: what came of messages in ten seconds."""

    tenant: str
    bucket_ms: int
    outcome: Outcome
