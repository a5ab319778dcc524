"""A campaign: one message to many recipients through one session. Its totals decide its status."""

from typing import Literal

import msgspec

from dispatcher.domain.status import FINISHED, CampaignStatus
from dispatcher.domain.tally import Tally, outcome


class CampaignEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact about a campaign; `at_ms` is when it was recorded, in epoch ms."""

    at_ms: int


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sent."""

    message: str
    media_url: str | None = None
    media_type: str | None = None


class Accepted(CampaignEvent, frozen=True, tag="campaign.accepted"):
    """The campaign is known; its recipients follow. `delay_ms` is its own least gap between two messages.

    `fingerprint` says what is sent to whom, `idempotency_key` how the request was named, if it was.
    """

    tenant: str
    session_id: str
    content: Content
    recipients: int
    priority: str = "normal"
    delay_ms: int = 0
    idempotency_key: str | None = None
    fingerprint: str = ""
    scheduled_at_ms: int | None = None


class Repeated(CampaignEvent, frozen=True, tag="campaign.repeated"):
    """The same was asked for again under another key; that key names this campaign too, for ever."""

    idempotency_key: str


class Scheduled(CampaignEvent, frozen=True, tag="campaign.scheduled"):
    """All recipients are recorded: it waits for its time."""

    due_at_ms: int


class QueuedUp(CampaignEvent, frozen=True, tag="campaign.queued"):
    """All recipients are recorded, and its time has come: it may be sent."""


class Started(CampaignEvent, frozen=True, tag="campaign.started"):
    """The first message is on its way."""


class Finished(CampaignEvent, frozen=True, tag="campaign.finished"):
    """No recipient is open any more."""

    status: CampaignStatus
    tally: Tally


class Revised(CampaignEvent, frozen=True, tag="campaign.revised"):
    """What was finished came out differently: by a late error or late evidence of success."""

    status: CampaignStatus
    tally: Tally


class Decided(CampaignEvent, frozen=True):
    """Somebody decided something about it: who, and for what reason."""

    by: str
    why: str | None = None


class Paused(Decided, frozen=True, tag="campaign.paused"):
    """Nothing more leaves until it is resumed."""


class Resumed(Decided, frozen=True, tag="campaign.resumed"):
    """It goes on where it was."""


class Cancelled(Decided, frozen=True, tag="campaign.cancelled"):
    """Nothing more leaves; what has not left is cancelled, recipient by recipient."""


class Moved(Decided, frozen=True, tag="campaign.moved", kw_only=True):
    """What is still to be sent goes through another session; what is in flight stays with the old one."""

    from_session_id: str
    session_id: str


class RetryOrdered(Decided, frozen=True, tag="campaign.retry_ordered"):
    """What failed is to be sent again."""

    include_unconfirmed: bool = False


class VerifyOrdered(Decided, frozen=True, tag="campaign.verify_ordered"):
    """The VPS is to be asked about all that is unconfirmed or failed."""


class ConfirmOrdered(Decided, frozen=True, tag="campaign.confirm_ordered", kw_only=True):
    """What is unconfirmed or failed is settled by hand."""

    outcome: Literal["sent", "failed"]


Event = (
    Accepted
    | Repeated
    | Scheduled
    | QueuedUp
    | Started
    | Finished
    | Revised
    | Paused
    | Resumed
    | Cancelled
    | Moved
    | RetryOrdered
    | VerifyOrdered
    | ConfirmOrdered
)
"""Every fact of a campaign stream, as one tagged union."""


class Campaign(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a campaign stream. `stage` is how far it has come, apart from being paused or cancelled;
    `concluded` holds the totals that its last conclusion told. `session_id` is where it goes out now, and
    `first_session_id` where it did at first, if that was another one: whose attempts name no session used that.
    """

    tenant: str = ""
    session_id: str = ""
    content: Content = Content("")
    recipients: int = 0
    priority: str = "normal"
    delay_ms: int = 0
    stage: CampaignStatus = CampaignStatus.ACCEPTED
    created_at_ms: int = 0
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    concluded: Tally | None = None
    scheduled_at_ms: int | None = None
    paused: bool = False
    cancelled_at_ms: int | None = None
    fingerprint: str = ""
    first_session_id: str | None = None

    def session_of(self, attempt_session_id: str | None) -> str:
        """Return the session of an attempt, from what the attempt itself says."""
        return attempt_session_id or self.first_session_id or self.session_id

    @property
    def recording(self) -> bool:
        """Tell whether its recipients are still being recorded."""
        return self.stage is CampaignStatus.ACCEPTED and self.cancelled_at_ms is None

    @property
    def status(self) -> CampaignStatus:
        """Where it stands."""
        if self.cancelled_at_ms is not None:
            return CampaignStatus.CANCELLED
        return CampaignStatus.PAUSED if self.paused and self.stage not in FINISHED else self.stage


def queue_up(campaign: Campaign, recorded: Tally, now_ms: int) -> list[Event]:
    """Let the campaign be sent once all its recipients are recorded and, where it is scheduled, its time has come."""
    if campaign.cancelled_at_ms is not None or recorded.total != campaign.recipients:
        return []
    due_at_ms = campaign.scheduled_at_ms
    early = due_at_ms is not None and due_at_ms > now_ms
    match campaign.stage:
        case CampaignStatus.ACCEPTED if early and due_at_ms is not None:
            return [Scheduled(now_ms, due_at_ms)]
        case CampaignStatus.ACCEPTED | CampaignStatus.SCHEDULED if not early:
            return [QueuedUp(now_ms)]
        case _:
            return []


def conclude(campaign: Campaign, tally: Tally, now_ms: int) -> list[Event]:
    """Say what a change of the totals means for the campaign: started, finished, revised, or nothing."""
    if campaign.recording:
        return []
    events: list[Event] = []
    if campaign.started_at_ms is None and tally.queued + tally.skipped + tally.cancelled < tally.total:
        events.append(Started(now_ms))
    standing = _standing(campaign, tally)
    if campaign.concluded is None:
        if not tally.open:
            events.append(Finished(now_ms, standing, tally))
    elif _told(campaign.stage, campaign.concluded) != _told(standing, tally):
        events.append(Revised(now_ms, standing, tally))
    return events


def _standing(campaign: Campaign, tally: Tally) -> CampaignStatus:
    """Return what the totals make of it; what was cancelled stays so."""
    if campaign.cancelled_at_ms is not None:
        return CampaignStatus.CANCELLED
    return CampaignStatus.RUNNING if tally.open else outcome(tally)


def _told(status: CampaignStatus, tally: Tally) -> tuple[CampaignStatus, bool, int, int]:
    """Return what a conclusion tells: receipts alone do not revise it, nor do numbers while it goes on."""
    if tally.open:
        return status, True, 0, 0
    return status, False, tally.succeeded, tally.failed


def evolve(campaign: Campaign, event: Event) -> Campaign:
    """Return the state after an event."""
    replace = msgspec.structs.replace
    match event:
        case Accepted():
            return Campaign(
                event.tenant,
                event.session_id,
                event.content,
                event.recipients,
                event.priority,
                event.delay_ms,
                created_at_ms=event.at_ms,
                scheduled_at_ms=event.scheduled_at_ms,
                fingerprint=event.fingerprint,
            )
        case Scheduled():
            return replace(campaign, stage=CampaignStatus.SCHEDULED)
        case QueuedUp():
            return replace(campaign, stage=CampaignStatus.QUEUED)
        case Started(at_ms):
            return replace(campaign, stage=CampaignStatus.RUNNING, started_at_ms=at_ms)
        case Finished(at_ms, status, tally) | Revised(at_ms, status, tally):
            finished_at_ms = None if tally.open else at_ms
            return replace(campaign, stage=status, finished_at_ms=finished_at_ms, concluded=tally)
        case _:
            return _steered(campaign, event)


def _steered(
    campaign: Campaign,
    event: Paused | Resumed | Cancelled | Moved | Repeated | RetryOrdered | VerifyOrdered | ConfirmOrdered,
) -> Campaign:
    replace = msgspec.structs.replace
    match event:
        case Paused():
            return replace(campaign, paused=True)
        case Resumed():
            return replace(campaign, paused=False)
        case Cancelled(at_ms):
            return replace(campaign, cancelled_at_ms=at_ms)
        case Moved():
            first = campaign.first_session_id or campaign.session_id
            return replace(campaign, session_id=event.session_id, first_session_id=first)
        case Repeated() | RetryOrdered() | VerifyOrdered() | ConfirmOrdered():
            return campaign
