"""The statuses of a recipient and of a campaign, and which of them count as what."""

from enum import IntEnum, StrEnum


class Status(StrEnum):
    """Where one message to one recipient stands."""

    QUEUED = "queued"
    """Accepted, or a retry is due later; the sender moves it on, in pace."""
    PROCESSING = "processing"
    """A send was started; a callback, a rejection or the deadline moves it on."""
    UNCONFIRMED = "unconfirmed"
    """Nobody can say whether it left; a look-up, a late callback, an operator or the policy moves it on."""
    SENT = "sent"
    """Written to WhatsApp's socket; receipts or an error ack move it on."""
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    """Did not leave and will not be tried again; late evidence of success moves it on."""
    SKIPPED = "skipped"
    """Refused before it left."""
    CANCELLED = "cancelled"


OPEN = frozenset({Status.QUEUED, Status.PROCESSING, Status.UNCONFIRMED})
"""While one recipient is in one of these, its campaign is not finished."""

SUCCEEDED = frozenset({Status.SENT, Status.DELIVERED, Status.READ})
"""What `sent_count` counts."""


class Verdict(IntEnum):
    """What is known of one attempt, by rank: stronger evidence beats weaker, in any order of arrival."""

    OPEN = 0
    FAILED = 1
    SENT = 2
    REFUSED = 3
    """An error ack: stronger than `message_sent`, weaker than a receipt."""
    DELIVERED = 4
    READ = 5


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    """Known, its recipients not yet all recorded; nothing leaves."""
    QUEUED = "queued"
    """All recipients are recorded; nothing has left yet."""
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({CampaignStatus.COMPLETED, CampaignStatus.PARTIAL, CampaignStatus.FAILED})
"""No recipient is open any more; a late failure that is tried again makes it running once more."""
SENDABLE = frozenset({CampaignStatus.QUEUED, CampaignStatus.RUNNING})
"""The sender takes messages from campaigns in these statuses only."""
