"""Tell a campaign what somebody wants of it: it, or its recipients, decide; what concerns many is left to a process.

The same for HTTP and for NATS. A command over NATS is answered by an event, recorded with what it led to: one that is
delivered again finds its answer and does nothing.
"""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.domain import campaign_decider, recipient_decisions
from dispatcher.domain import recipient_commands as to_recipient
from dispatcher.domain.campaign_commands import Command, Confirm, Retry, Verify
from dispatcher.domain.campaign_decider import NO_SUCH_CAMPAIGN, Rejected
from dispatcher.domain.command_answer import CommandAccepted, CommandRejected
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.projections.rows import CampaignRow
from dispatcher.store import orders, stream_names
from dispatcher.store.postgres import has_stream
from dispatcher.store.stream_names import CommandKey


class Asked(msgspec.Struct, frozen=True):
    """A command that came over NATS and wants an answer; `kind` is its type."""

    key: CommandKey
    kind: str


class Wish(msgspec.Struct, frozen=True):
    """What a tenant wants of a campaign."""

    tenant: str
    campaign_id: UUID
    command: Command
    cause: Cause
    asked: Asked | None = None


async def carry_out(engine: AsyncEngine, rules: Rules, wish: Wish) -> CampaignRow | Rejected:
    """Carry a command out, or order it to be; return the campaign as it then stands, or why it cannot be."""
    async with batch(engine, rules, wish.command.now_ms) as (connection, handling):
        if wish.asked and await is_answered(connection, wish.asked):
            rejected = None
        else:
            rejected = await _decide(connection, handling, wish)
            if wish.asked:
                answer(handling, wish.asked, wish.tenant, wish.campaign_id, wish.cause, rejected)
        await handling.load(connection, campaign_ids=[wish.campaign_id])
    row = handling.changes.campaigns.get(wish.campaign_id)
    return rejected or row or NO_SUCH_CAMPAIGN


async def is_answered(connection: AsyncConnection, asked: Asked) -> bool:
    """Tell whether a command was carried out, or rejected, before."""
    return await has_stream(connection, stream_names.of_command(asked.key))


def answer(
    handling: Handling, asked: Asked, tenant: str, campaign_id: UUID, cause: Cause, rejected: Rejected | None
) -> None:
    """Record what became of a command; its campaign is loaded, if there is one."""
    now_ms, named = handling.now_ms, str(campaign_id)
    told: CommandAccepted | CommandRejected = CommandAccepted(now_ms, asked.kind, named)
    if rejected:
        told = CommandRejected(now_ms, asked.kind, named, rejected.code, rejected.detail)
    row = handling.changes.campaigns.get(campaign_id)
    status = row.campaign.status.value if row and row.campaign.tenant == tenant else ""
    handling.record_answer(asked.key, told, status, tenant, cause)


async def _decide(connection: AsyncConnection, handling: Handling, wish: Wish) -> Rejected | None:
    await handling.load(connection, campaign_ids=[wish.campaign_id])
    row = handling.changes.campaigns.get(wish.campaign_id)
    if row is None or row.campaign.tenant != wish.tenant:
        return NO_SUCH_CAMPAIGN
    command = wish.command
    if isinstance(command, Retry | Confirm) and command.recipients:
        allowed = campaign_decider.decide(command, row.campaign, row.tally)
        if isinstance(allowed, Rejected):
            return allowed
        return await _tell_named(connection, handling, wish, command)
    decided = handling.tell_campaign(wish.campaign_id, command, wish.cause)
    if isinstance(decided, Rejected):
        return decided
    if decided and isinstance(command, Retry | Verify | Confirm):
        cause = wish.cause
        await orders.give(connection, wish.campaign_id, command, cause.correlation, cause.causation)
    return None


async def _tell_named(
    connection: AsyncConnection, handling: Handling, wish: Wish, command: Retry | Confirm
) -> Rejected | None:
    """Tell the recipients that are named; all of them, or none where one cannot."""
    keys = [(wish.campaign_id, jid) for jid in dict.fromkeys(command.recipients)]
    await handling.load(connection, keys)
    told = wish_of(command, handling.now_ms)
    for number, key in enumerate(keys, 1):
        known = handling.changes.recipients.get(key)
        if known is None:
            return Rejected("NOT_FOUND", f"recipient {number} of the list is not one of this campaign")
        refused = recipient_decisions.refusal_of(told, known.state)
        if refused:
            return Rejected(refused.code, f"recipient {number} of the list: {refused.detail}")
    for key in keys:
        handling.tell_recipient(key, told, wish.cause)
    return None


def wish_of(command: Retry | Confirm, now_ms: int) -> to_recipient.Retry | to_recipient.Confirm:
    """Return what a command to a campaign tells each of its recipients."""
    match command:
        case Retry(_, by, why, include_unconfirmed):
            return to_recipient.Retry(now_ms, by, why, include_unconfirmed)
        case Confirm(_, by, why):
            return to_recipient.Confirm(now_ms, command.outcome, by, why)
