"""What the API answers, as far as the command line shows it. Fields that we do not know are left alone."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from dispatcher.cli.client import LeftOut

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; `next` leads to the following one."""

    items: list[T]
    next: str | None = None


class Campaign(msgspec.Struct, frozen=True):
    """A campaign. `counts` holds the recipients per status."""

    broadcast_id: str
    status: str
    session_id: str
    priority: str
    total_recipients: int
    counts: dict[str, int]
    sent_count: int
    failed_count: int
    queued_count: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    scheduled_at: datetime | None = None

    @property
    def settled(self) -> int:
        """How many recipients have an end."""
        return self.total_recipients - self.open

    @property
    def open(self) -> int:
        """How many recipients have none yet, those included that are still being recorded."""
        closed = sum(self.counts.get(status, 0) for status in CLOSED)
        return self.total_recipients - closed


CLOSED = ("sent", "delivered", "read", "failed", "skipped", "cancelled")
"""The statuses in which nothing is waited for any more."""


class Recipient(msgspec.Struct, frozen=True):
    """One recipient of a campaign."""

    recipient: str
    kind: str
    status: str
    attempt: int
    queued_at: datetime
    lead_id: str | None = None
    message_id: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    vps_error: str | None = None
    due_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    delivered_count: int = 0
    read_count: int = 0
    reaction_count: int = 0


class Step(msgspec.Struct, frozen=True):
    """One step of a recipient's history."""

    version: int
    event: str
    at: datetime
    status: str


class ToldStep(msgspec.Struct, frozen=True):
    """One step of what led a message to where it is, in words."""

    at: datetime
    what: str
    attempt: int | None = None


class UnplacedCallback(msgspec.Struct, frozen=True):
    """A callback that nobody could place."""

    at: datetime
    what: str


class Why(msgspec.Struct, frozen=True):
    """Why a message is where it is."""

    recipient: str
    status: str
    standing: str
    waits_for: str
    steps: list[ToldStep]
    until: datetime | None = None
    held_up_by: list[str] = []
    unplaced_callbacks: list[UnplacedCallback] = []


class Created(msgspec.Struct, frozen=True):
    """The answer to a creation."""

    broadcast_id: str
    queued_count: int
    total_recipients: int
    success: bool = True
    status: str | None = None
    invalid_recipients_count: int = 0
    invalid_recipients: list[LeftOut] = []
    idempotent: bool = False
    groups: dict[str, int] | None = None


class AttentionItem(msgspec.Struct, frozen=True):
    """Something that somebody should look at."""

    id: str
    kind: str
    what: str
    risk: str
    since: datetime
    actions: list[str]
    broadcast_id: str | None = None
    recipient: str | None = None
    session_id: str | None = None


class Resolution(msgspec.Struct, frozen=True):
    """What came of a decision."""

    id: str
    action: str
    changed: bool
    status: str | None = None


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that failed for good."""

    id: str
    broadcast_id: str
    recipient: str
    session_id: str
    failed_at: datetime
    attempts: int
    lead_id: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    vps_error: str | None = None


class TriedSend(msgspec.Struct, frozen=True):
    """One attempt of a message."""

    number: int
    message_id: str
    started_at: datetime
    failed_at: datetime | None = None
    error_message: str | None = None
    vps_error: str | None = None


class DeadLetterDetails(msgspec.Struct, frozen=True):
    """A message that failed for good, with all that was tried."""

    id: str
    status: str
    broadcast_id: str
    recipient: str
    session_id: str
    message: str
    attempts: list[TriedSend]
    dead: bool = True
    lead_id: str | None = None
    media_url: str | None = None


class NotRedriven(msgspec.Struct, frozen=True):
    """A message that is not sent again, and why."""

    id: str
    code: str
    detail: str


class Redriven(msgspec.Struct, frozen=True):
    """What came of a redrive."""

    dry_run: bool
    redriven: int
    already: int = 0
    refused: list[NotRedriven] = []


class Quarantined(msgspec.Struct, frozen=True):
    """Something that was not applied."""

    id: str
    kind: str
    source: str
    at: datetime
    reason: str | None = None
    about: str | None = None
    size: int | None = None
    redrivable: bool = False
    obstacle: str | None = None
    redriven_at: datetime | None = None
    redriven_by: str | None = None
    redriven_why: str | None = None


class QuarantinedDetails(Quarantined, frozen=True):
    """The same, with its body: base64, and as a text where it is one."""

    body: str | None = None
    text: str | None = None


class QuarantineRedriven(Redriven, frozen=True):
    """What came of sending it again."""

    more: bool = False


class SessionSettings(msgspec.Struct, frozen=True):
    """What an operator allows a session."""

    daily_cap: int | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None
    timezone: str = "UTC"


class Session(msgspec.Struct, frozen=True):
    """A session; `connection` is its state in words, `attention` why somebody should look at it."""

    session_id: str
    status: str
    connection: str
    phone_number: str | None = None
    sendable: bool = False
    last_error: str | None = None
    last_error_at: datetime | None = None
    last_verified_at: datetime | None = None
    attention: str | None = None
    parked_until: datetime | None = None
    stopped: bool = False
    paused: bool = False
    silent_since: datetime | None = None
    groups_synced_at: datetime | None = None
    moved_to: str | None = None
    settings: SessionSettings = SessionSettings()


class Moved(msgspec.Struct, frozen=True):
    """What a move came to."""

    session_id: str
    moved_to: str
    campaigns: int
    recipients: int
    groups: int


class GroupOfSession(msgspec.Struct, frozen=True):
    """A group as one session sees it."""

    session_id: str
    group_jid: str
    name: str
    member_count: int
    is_admin: bool
    is_announce: bool
    sendable: bool
    gone_at: datetime | None = None
    refused_at: datetime | None = None
    refusal: str | None = None


class Synced(msgspec.Struct, frozen=True):
    """What a sync of groups came to."""

    session_id: str
    groups: int
    community_parents: int
    gone: int
    ignored: int = 0


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the API; `source` is `setting` where it stands in API_KEYS."""

    key_id: str
    label: str
    source: str
    live: bool = True
    current: bool = False
    created_at: datetime | None = None
    created_by: str | None = None
    retired_at: datetime | None = None
    retired_by: str | None = None
    last_used_at: datetime | None = None
    uses: int = 0


class MadeApiKey(ApiKey, frozen=True, kw_only=True):
    """A new key, with the key itself."""

    key: str
