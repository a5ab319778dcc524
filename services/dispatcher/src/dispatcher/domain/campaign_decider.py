"""What follows from what people want of a campaign: events, nothing where it is so already, or why it cannot be."""

import msgspec

from dispatcher.domain import campaign as event
from dispatcher.domain.campaign import Campaign, Event
from dispatcher.domain.campaign_commands import Cancel, Command, Confirm, Move, Pause, Resume, Retry, Verify
from dispatcher.domain.status import FINISHED, CampaignStatus
from dispatcher.domain.tally import Tally


class Rejected(msgspec.Struct, frozen=True):
    """A command that the campaign's state does not allow; `code` is a stable word for programs."""

    code: str
    detail: str


NO_SUCH_CAMPAIGN = Rejected("NOT_FOUND", "there is no such campaign")
FINISHED_ALREADY = Rejected("CAMPAIGN_FINISHED", "the campaign is finished")
CANCELLED_ALREADY = Rejected("CAMPAIGN_CANCELLED", "the campaign was cancelled")


def decide(command: Command, campaign: Campaign, tally: Tally) -> list[Event] | Rejected:
    """Turn a wish into facts. An empty list means that it is so already, or that there is nobody to do it for."""
    match command:
        case Pause() | Resume() | Cancel():
            return _steer(command, campaign, tally)
        case Move():
            return _move(command, campaign)
        case Retry() if campaign.status is CampaignStatus.CANCELLED:
            return CANCELLED_ALREADY
        case Retry(now, by, why, include_unconfirmed):
            concerned = tally.failed + (tally.unconfirmed if include_unconfirmed else 0)
            return [event.RetryOrdered(now, by, why, include_unconfirmed)] if concerned else []
        case Verify(now, by, why):
            return [event.VerifyOrdered(now, by, why)] if tally.failed + tally.unconfirmed else []
        case Confirm(now, by, why):
            ordered = event.ConfirmOrdered(now, by, why, outcome=command.outcome)
            return [ordered] if tally.failed + tally.unconfirmed else []


def _move(command: Move, campaign: Campaign) -> list[Event]:
    """Let it go out through another session; what is over stays where it was."""
    over = campaign.status in FINISHED or campaign.status is CampaignStatus.CANCELLED
    if over or campaign.session_id == command.session_id:
        return []
    now, by, why = command.now_ms, command.by, command.why
    return [event.Moved(now, by, why, from_session_id=campaign.session_id, session_id=command.session_id)]


def _steer(command: Pause | Resume | Cancel, campaign: Campaign, tally: Tally) -> list[Event] | Rejected:
    """Let it stop or go on; a cancellation finishes it where nobody is open, since no change of the totals will."""
    now, by, why = command.now_ms, command.by, command.why
    match command, campaign.status:
        case Cancel(), CampaignStatus.CANCELLED:
            return []
        case _, CampaignStatus.CANCELLED:
            return CANCELLED_ALREADY
        case _, status if status in FINISHED:
            return FINISHED_ALREADY
        case Cancel(), _:
            cancelled = event.Cancelled(now, by, why)
            settled = [] if tally.open else event.conclude(event.evolve(campaign, cancelled), tally, now)
            return [cancelled, *settled]
        case Pause(), _:
            return [] if campaign.paused else [event.Paused(now, by, why)]
        case _:
            return [event.Resumed(now, by, why)] if campaign.paused else []
