"""Commands: wishes, imperative, that may come to nothing. Sent to the dispatcher on `wa.command.…`."""

from typing import Annotated, Literal

import msgspec

from contracts.envelope import Instant, Message

Priority = Literal["high", "normal"]
MediaType = Literal["image", "video", "document"]

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
SessionId = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:-]+$")]
IdempotencyKey = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
FieldText = Annotated[str, msgspec.Meta(max_length=4096)]

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Reason = Annotated[str, msgspec.Meta(max_length=1024)]
Recipients = Annotated[list[str], msgspec.Meta(max_length=1000)]
"""Recipients named one by one; for more, leave them out and mean all."""


class RecipientSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom to send to: exactly one of `group_jid` and `phone`; `lead_id` is the caller's own reference.

    `name`, `phone`, `lead_id` and whatever stands in `fields` fill the message's `{{placeholders}}`.
    """

    group_jid: str | None = None
    phone: str | None = None
    lead_id: str | None = None
    name: FieldText | None = None
    fields: dict[FieldName, FieldText] = {}


class GroupChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Groups of the campaign's session, from its synced directory: `all` that take messages (announcement groups where
    we are admin), or those of `group_jids`. Groups that are gone, that refused the last message, and community parents
    are left out.
    """

    session_id: SessionId | None = None
    all: bool = False
    group_jids: Annotated[list[str], msgspec.Meta(max_length=100_000)] = msgspec.field(default_factory=list)


class CampaignSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a campaign says, to whom, and through which session; the body of `POST /api/campaigns`.

    `message` may hold `{{placeholders}}`, filled per recipient. `delay_seconds` widens the gap between two messages
    of this campaign (the session's own gap stays the minimum). Before `scheduled_at` nothing leaves. A repeat with
    the same `idempotency_key` is the same campaign, for ever. `groups` adds groups of the session to the recipients.
    """

    session_id: SessionId
    message: Text
    recipients: list[RecipientSpec]
    media_url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    media_type: MediaType | None = None
    priority: Priority = "normal"
    delay_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    idempotency_key: IdempotencyKey | None = None
    scheduled_at: Instant | None = None
    groups: GroupChoice | None = None

    def __post_init__(self) -> None:
        if self.session_id.endswith("\n"):  # a pattern's `$` stands before a last line break too, in Python
            raise ValueError("`session_id` ends with a line break")


class CreateCampaign(Message, frozen=True, kw_only=True, tag="campaign.create"):
    """Accept a campaign. `broadcast_id` (a UUID) is chosen by the sender: a repeat of it changes nothing."""

    broadcast_id: str
    campaign: CampaignSpec


class CampaignCommand(Message, frozen=True, kw_only=True):
    """A wish about a campaign of the tenant. `by` tells who wants it (else the tenant does), `why` for what reason.
    The answer is the event `campaign.command_accepted` or `campaign.command_rejected` with the same correlation.
    """

    broadcast_id: str
    by: Who | None = None
    why: Reason | None = None


class PauseCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.pause"):
    """Let nothing more leave for now. Only what is in flight still does."""


class ResumeCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.resume"):
    """Go on where it was."""


class CancelCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.cancel"):
    """Let nothing more leave, ever."""


class RetryCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.retry"):
    """Send again what failed: these recipients (JIDs or phones), or all. What is unconfirmed may have left, and is sent
    again only with `include_unconfirmed`.
    """

    include_unconfirmed: bool = False
    recipients: Recipients = msgspec.field(default_factory=list)


class VerifyCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.verify"):
    """Ask the VPS about all that is unconfirmed or failed."""


class ConfirmCampaign(CampaignCommand, frozen=True, kw_only=True, tag="campaign.confirm"):
    """Settle by hand what is unconfirmed or failed: these recipients (JIDs or phones), or all."""

    outcome: Literal["sent", "failed"]
    recipients: Recipients = msgspec.field(default_factory=list)


Command = (
    CreateCampaign
    | PauseCampaign
    | ResumeCampaign
    | CancelCampaign
    | RetryCampaign
    | VerifyCampaign
    | ConfirmCampaign
)
