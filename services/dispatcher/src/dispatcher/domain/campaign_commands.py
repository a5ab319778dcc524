"""What people want of a campaign. Pure values; `by` tells who, `why` for what reason; times in epoch ms."""

from typing import Literal

import msgspec


class CampaignCommand(msgspec.Struct, frozen=True, tag_field="type"):
    """A wish about one campaign."""

    now_ms: int
    by: str
    why: str | None = None


class Pause(CampaignCommand, frozen=True, tag="pause"):
    """Let nothing more leave for now."""


class Resume(CampaignCommand, frozen=True, tag="resume"):
    """Go on."""


class Cancel(CampaignCommand, frozen=True, tag="cancel"):
    """Let nothing more leave, ever."""


class Retry(CampaignCommand, frozen=True, tag="retry"):
    """Send again what failed; what is unconfirmed only with the flag, since it may have left. `recipients` (JIDs) are
    all of them when empty.
    """

    include_unconfirmed: bool = False
    recipients: tuple[str, ...] = ()


class Verify(CampaignCommand, frozen=True, tag="verify"):
    """Ask the VPS about all that is unconfirmed or failed."""


class Confirm(CampaignCommand, frozen=True, tag="confirm", kw_only=True):
    """Settle by hand what is unconfirmed or failed; all of it where no recipients (JIDs) are named."""

    outcome: Literal["sent", "failed"]
    recipients: tuple[str, ...] = ()


class Move(CampaignCommand, frozen=True, tag="move", kw_only=True):
    """Send what is still to be sent through another session."""

    session_id: str


Order = Retry | Verify | Confirm
"""What is carried out recipient by recipient, after the campaign agreed to it."""

Command = Pause | Resume | Cancel | Move | Order
