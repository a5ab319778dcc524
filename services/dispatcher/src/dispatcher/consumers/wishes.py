"""Published commands become ours."""

from uuid import UUID

from contracts import commands as published
from dispatcher.domain.campaign_commands import Cancel, Command, Confirm, Pause, Resume, Retry, Verify
from dispatcher.domain.phone import jid_as_written
from dispatcher.handling import Cause
from dispatcher.steering import Asked, Wish

Steering = (
    published.PauseCampaign
    | published.ResumeCampaign
    | published.CancelCampaign
    | published.RetryCampaign
    | published.VerifyCampaign
    | published.ConfirmCampaign
)


def wish_of(
    command: Steering, campaign_id: UUID, cause: Cause, asked: Asked, now_ms: int, country_code: int
) -> Wish:
    """Return what a command wants of its campaign; who wants it is the tenant, where nobody is named. `country_code` is
    for phones that have none.
    """
    return Wish(command.tenant, campaign_id, _translated(command, now_ms, country_code), cause, asked)


def _translated(command: Steering, now_ms: int, country_code: int) -> Command:
    by, why = command.by or command.tenant, command.why
    match command:
        case published.PauseCampaign():
            return Pause(now_ms, by, why)
        case published.ResumeCampaign():
            return Resume(now_ms, by, why)
        case published.CancelCampaign():
            return Cancel(now_ms, by, why)
        case published.RetryCampaign():
            jids = tuple(jid_as_written(address, country_code) for address in command.recipients)
            return Retry(now_ms, by, why, command.include_unconfirmed, jids)
        case published.VerifyCampaign():
            return Verify(now_ms, by, why)
        case published.ConfirmCampaign():
            jids = tuple(jid_as_written(address, country_code) for address in command.recipients)
            return Confirm(now_ms, by, why, outcome=command.outcome, recipients=jids)
