"""What somebody decides about a message that is unconfirmed or failed for good."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.attention.items import Action
from dispatcher.domain.campaign_decider import CANCELLED_ALREADY
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.recipient_commands import Confirm, Retry
from dispatcher.domain.recipient_decisions import Refused, refusal_of
from dispatcher.domain.status import SUCCEEDED, CampaignStatus, Status
from dispatcher.handling import Cause, Handling
from dispatcher.projections.lookups import find_attempts


class Settled(msgspec.Struct, frozen=True):
    """What came of a decision; not `changed` where it was so already. `status` is where the message stands then."""

    changed: bool
    status: Status | None = None


NO_SUCH_MESSAGE = Refused("NOT_FOUND", "there is no such message")
SUPERSEDED = Refused("SUPERSEDED", "another attempt was made since: look at that one")
FAILED_ALREADY = Refused(
    "FAILED_ALREADY", "it has failed: send it again, confirm that it was sent, or dismiss it"
)
NOT_SETTLED = Refused("NOT_SETTLED", "nobody knows whether it left: its campaign waits until that is settled")
CANCELLED = Refused(CANCELLED_ALREADY.code, CANCELLED_ALREADY.detail)


async def settle_message(
    connection: AsyncConnection,
    handling: Handling,
    tenant: str,
    attempt_id: str,
    action: Action,
    by: str,
    why: str | None,
) -> Settled | Refused:
    """Let the message of an attempt know what somebody decided; a dismissal is only checked here."""
    wanted = _as_uuid(attempt_id)
    found = (await find_attempts(connection, tenant, [wanted])).get(str(wanted)) if wanted else None
    if found is None:
        return NO_SUCH_MESSAGE
    key, number = found
    await handling.load(connection, [key])
    state = handling.changes.recipients[key].state
    if _is_so_already(action, state, number):
        return Settled(changed=False, status=state.status)
    cancelled = handling.changes.campaigns[key[0]].campaign.status is CampaignStatus.CANCELLED
    refused = _refusal(action, state, number, cancelled=cancelled)
    if refused:
        return refused
    command = _command(action, handling.now_ms, by, why)
    changed = command is not None and handling.tell_recipient(key, command, Cause(str(key[0])))
    return Settled(changed, handling.changes.recipients[key].state.status)


def _as_uuid(attempt_id: str) -> UUID | None:
    try:
        return UUID(attempt_id)
    except ValueError:
        return None


def _is_so_already(action: Action, state: Recipient, number: int) -> bool:
    failure = state.standing_failure
    match action:
        case Action.RETRY:
            return state.forgiven >= number or (state.last is not None and state.last.number > number)
        case Action.CONFIRM_SENT:
            return state.status in SUCCEEDED
        case Action.GIVE_UP:
            return state.status is Status.FAILED and failure is not None and failure.source == "operator"
        case Action.DISMISS:
            return False


def _refusal(action: Action, state: Recipient, number: int, *, cancelled: bool) -> Refused | None:
    """Return why a decision makes no sense."""
    if state.last is not None and state.last.number > number:
        return SUPERSEDED
    match action:
        case Action.RETRY if cancelled:
            return CANCELLED
        case Action.GIVE_UP if state.status is Status.FAILED:
            return FAILED_ALREADY
        case Action.DISMISS if state.status is Status.UNCONFIRMED:
            return NOT_SETTLED
        case Action.DISMISS:
            return None if state.status is Status.FAILED else _not_failed(state)
    command = _command(action, 0, "", None)
    return (refusal_of(command, state) or _not_settled_by_hand(state)) if command else None


def _not_settled_by_hand(state: Recipient) -> Refused | None:
    return None if state.status in (Status.UNCONFIRMED, Status.FAILED) else _not_failed(state)


def _not_failed(state: Recipient) -> Refused:
    return Refused("NOT_UNCONFIRMED", f"it is {state.status.value}, neither unconfirmed nor failed")


def _command(action: Action, now_ms: int, by: str, why: str | None) -> Retry | Confirm | None:
    match action:
        case Action.RETRY:
            return Retry(now_ms, by, why, include_unconfirmed=True)
        case Action.CONFIRM_SENT:
            return Confirm(now_ms, "sent", by, why)
        case Action.GIVE_UP:
            return Confirm(now_ms, "failed", by, why)
        case Action.DISMISS:
            return None
