"""What somebody decides about an item, carried out in one transaction. A repeat changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.attention.items import (
    CALLBACK,
    CAMPAIGN,
    MESSAGE,
    QUARANTINED,
    SESSION,
    Action,
    campaign_of,
    session_of,
)
from dispatcher.attention.settling import Settled, settle_message
from dispatcher.attention.surroundings import session_actions
from dispatcher.domain.dismissal import Dismissed
from dispatcher.domain.recipient_decisions import Refused
from dispatcher.domain.session_decider import Release
from dispatcher.handling import Cause, Handling, Rules, batch

NO_SUCH_ITEM = Refused("NOT_FOUND", "there is no such item")
ONLY_DISMISSED = Refused("NOT_POSSIBLE", "it can only be dismissed")


class Decision(msgspec.Struct, frozen=True):
    """What somebody of a tenant decides about an item."""

    tenant: str
    item: str
    action: Action
    by: str
    why: str | None = None


Outcome = Settled | Refused
Decide = Callable[[AsyncConnection, Handling, Decision], Awaitable[Outcome]]

_REPORT = text("""
    SELECT 1 FROM parked_reports p LEFT JOIN session_status s USING (session_id)
    WHERE p.id = :id AND p.reason <> 'no_place_yet' AND coalesce(s.state->>'tenant', '') IN (:tenant, '')
""")
_QUARANTINED = text("SELECT 1 FROM quarantine WHERE id = :id AND tenant IN (:tenant, 'default')")


async def decide(engine: AsyncEngine, rules: Rules, decision: Decision, now_ms: int) -> Outcome:
    """Carry a decision out; return what came of it, or why it makes no sense."""
    for prefix, act in _DECIDERS.items():
        if decision.item.startswith(prefix):
            async with batch(engine, rules, now_ms) as (connection, handling):
                return await act(connection, handling, decision)
    return NO_SUCH_ITEM


async def _about_message(connection: AsyncConnection, handling: Handling, decision: Decision) -> Outcome:
    attempt_id = decision.item.removeprefix(MESSAGE)
    action, tenant = decision.action, decision.tenant
    outcome = await settle_message(
        connection, handling, tenant, attempt_id, action, decision.by, decision.why
    )
    if isinstance(outcome, Settled) and action is Action.DISMISS:
        return Settled(changed=await _dismiss(connection, handling, decision))
    return outcome


async def _about_session(connection: AsyncConnection, handling: Handling, decision: Decision) -> Outcome:
    named = session_of(decision.item)
    if named is None:
        return NO_SUCH_ITEM
    session_id, since_ms = named
    await handling.load(connection, session_ids=[session_id])
    row = handling.changes.sessions.get(session_id)
    if row is None or row.state.tenant != decision.tenant:
        return NO_SUCH_ITEM
    if row.state.troubled_since_ms != since_ms:
        return Settled(changed=False)  # that trouble is over; what came after it is another item
    if decision.action is Action.DISMISS:
        return Settled(changed=await _dismiss(connection, handling, decision))
    if decision.action is not Action.RETRY:
        return Refused("NOT_POSSIBLE", "a session can be let go on, or dismissed")
    if Action.RETRY not in session_actions(row.state):
        return Refused("NOT_HELD", f"nothing holds it: it is {row.state.status}; connect it")
    handling.tell_session(session_id, Release(handling.now_ms, decision.by, decision.why), Cause(session_id))
    return Settled(changed=True)


async def _about_callback(connection: AsyncConnection, handling: Handling, decision: Decision) -> Outcome:
    return await _let_be(connection, handling, decision, _REPORT, CALLBACK)


async def _about_quarantined(connection: AsyncConnection, handling: Handling, decision: Decision) -> Outcome:
    return await _let_be(connection, handling, decision, _QUARANTINED, QUARANTINED)


async def _about_campaign(connection: AsyncConnection, handling: Handling, decision: Decision) -> Outcome:
    named = campaign_of(decision.item)
    if named is None:
        return NO_SUCH_ITEM
    campaign_id, version = named
    await handling.load(connection, campaign_ids=[campaign_id])
    row = handling.changes.campaigns.get(campaign_id)
    if row is None or row.campaign.tenant != decision.tenant:
        return NO_SUCH_ITEM
    if decision.action is not Action.DISMISS:
        return ONLY_DISMISSED
    if row.version != version:
        return Settled(changed=False)  # it has gone on since
    return Settled(changed=await _dismiss(connection, handling, decision))


async def _let_be(
    connection: AsyncConnection, handling: Handling, decision: Decision, find: TextClause, prefix: str
) -> Outcome:
    """Dismiss what can only be dismissed, if the tenant may see it."""
    parameters: dict[str, Any] = {"id": decision.item.removeprefix(prefix), "tenant": decision.tenant}
    if (await connection.execute(find, parameters)).first() is None:
        return NO_SUCH_ITEM
    if decision.action is not Action.DISMISS:
        return ONLY_DISMISSED
    return Settled(changed=await _dismiss(connection, handling, decision))


async def _dismiss(connection: AsyncConnection, handling: Handling, decision: Decision) -> bool:
    dismissed = Dismissed(handling.now_ms, decision.tenant, decision.item, decision.by, decision.why)
    return await handling.dismiss(connection, dismissed, Cause(decision.item))


_DECIDERS: dict[str, Decide] = {
    MESSAGE: _about_message,
    SESSION: _about_session,
    CALLBACK: _about_callback,
    QUARANTINED: _about_quarantined,
    CAMPAIGN: _about_campaign,
}
