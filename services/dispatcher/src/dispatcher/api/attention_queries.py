"""The reads of what asks for attention: one per kind, each newest first and bound to a tenant.

What belongs to nobody yet (a session that no tenant uses, a key of the gateway without a tenant) every tenant sees, but
not whom or what it is about.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import DEFAULT_TENANT
from dispatcher.attention.items import CALLBACK, CAMPAIGN, MESSAGE, QUARANTINED, SESSION, Item, Kind
from dispatcher.attention.messages import message_item
from dispatcher.attention.surroundings import (
    ParkedReport,
    Stopped,
    Unreadable,
    callback_item,
    campaign_item,
    quarantined_item,
    session_item,
)
from dispatcher.domain.concern import Concern
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.session import Session
from dispatcher.parking import AMBIGUOUS, NOT_YET_KNOWN
from dispatcher.projections import concerns
from dispatcher.store.stream_names import OF_QUARANTINE
from dispatcher.translate import to_ms

NEWEST: Final = (1 << 62, "~")
"""Before the first page: later than any time, behind any id."""


class Wanted(msgspec.Struct, frozen=True):
    """Whose items, which of them, and the time (epoch ms) and id behind which they go on."""

    tenant: str
    campaign_id: UUID | None = None
    session_id: str | None = None
    at_ms: int = NEWEST[0]
    before: str = NEWEST[1]
    unmatched_until_ms: int = NEWEST[0]
    unfinished_until_ms: int = NEWEST[0]
    paused_until_ms: int = NEWEST[0]
    """What is younger than these does not ask for attention yet."""


def _behind(time: str, item: str) -> str:
    """Return the condition for what comes behind a place of the list and was not dismissed."""
    return f"""
        {time} <= :at_ms AND ({time} < :at_ms OR ({item}) COLLATE "C" < :before)
        AND NOT EXISTS (SELECT 1 FROM dismissals d WHERE d.tenant = :tenant AND d.item = {item})
    """


_MESSAGES = text(f"""
    SELECT {concerns.COLUMNS}, a.session_id, r.state::text
    FROM concerns c JOIN attempts a USING (attempt_id)
    JOIN recipient_status r ON r.campaign_id = c.campaign_id AND r.recipient = c.recipient
    WHERE c.tenant = :tenant AND c.concern = :concern
      AND (CAST(:campaign_id AS uuid) IS NULL OR c.campaign_id = :campaign_id)
      AND (CAST(:session_id AS text) IS NULL OR a.session_id = :session_id)
      AND {_behind("c.since_ms", f"'{MESSAGE}' || c.attempt_id::text")}
    ORDER BY c.since_ms DESC, c.attempt_id DESC LIMIT :limit
""")
_CALLBACKS = text(f"""
    SELECT p.id, p.body->>'type', p.session_id, CASE WHEN s.state->>'tenant' = :tenant THEN p.recipient END,
           CASE WHEN s.state->>'tenant' = :tenant THEN p.message_id END, p.parked_at_ms
    FROM parked_reports p LEFT JOIN session_status s USING (session_id)
    WHERE p.reason = :reason AND (p.reason <> '{NOT_YET_KNOWN}' OR p.parked_at_ms <= :unmatched_until_ms)
      AND p.body->>'type' IN ('message.sent', 'message.failed', 'message.errored')
      AND coalesce(s.state->>'tenant', '') IN (:tenant, '')
      AND (CAST(:session_id AS text) IS NULL OR p.session_id = :session_id)
      AND {_behind("p.parked_at_ms", f"'{CALLBACK}' || p.id")}
    ORDER BY p.parked_at_ms DESC, p.id COLLATE "C" DESC LIMIT :limit
""")
_SINCE = "CAST(s.state->>'troubled_since_ms' AS bigint)"
_SESSION_ITEM = f"'{SESSION}' || (s.state->>'troubled_since_ms') || '-' || s.session_id"
_SESSIONS = text(f"""
    SELECT s.session_id, s.state::text FROM session_status s
    WHERE s.state ? 'troubled_since_ms' AND s.state->>'tenant' = :tenant
      AND (CAST(:session_id AS text) IS NULL OR s.session_id = :session_id)
      AND {_behind(_SINCE, _SESSION_ITEM)}
    ORDER BY {_SINCE} DESC, ({_SESSION_ITEM}) COLLATE "C" DESC LIMIT :limit
""")
_QUARANTINED = text(f"""
    SELECT q.id, q.source, CASE WHEN q.tenant = :tenant THEN q.reason END, q.at_ms, q.kind
    FROM quarantine q
    WHERE q.tenant IN (:tenant, '{DEFAULT_TENANT}')
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.stream = '{OF_QUARANTINE}' || q.id)
      AND {_behind("q.at_ms", f"'{QUARANTINED}' || q.id")}
    ORDER BY q.at_ms DESC, q.id DESC LIMIT :limit
""")

_CAMPAIGN_ITEM = f"'{CAMPAIGN}' || s.version || '-' || s.campaign_id"
_CAMPAIGNS = text(f"""
    SELECT s.campaign_id, s.version, s.status, s.session_id, e.recorded_at_ms
    FROM campaign_status s JOIN events e ON e.stream = 'campaign-' || s.campaign_id AND e.version = s.version
    WHERE s.tenant = :tenant AND s.status IN ('accepted', 'paused')
      AND e.recorded_at_ms <= CASE s.status WHEN 'paused' THEN CAST(:paused_until_ms AS bigint)
                              ELSE CAST(:unfinished_until_ms AS bigint) END
      AND (CAST(:campaign_id AS uuid) IS NULL OR s.campaign_id = :campaign_id)
      AND (CAST(:session_id AS text) IS NULL OR s.session_id = :session_id)
      AND {_behind("e.recorded_at_ms", _CAMPAIGN_ITEM)}
    ORDER BY e.recorded_at_ms DESC, ({_CAMPAIGN_ITEM}) COLLATE "C" DESC LIMIT :limit
""")

_decode_recipient = msgspec.json.Decoder(Recipient).decode
_decode_session = msgspec.json.Decoder(Session).decode

Read = Callable[[AsyncConnection, dict[str, Any]], Awaitable[list[Item]]]


async def items(connection: AsyncConnection, kinds: Sequence[Kind], wanted: Wanted, limit: int) -> list[Item]:
    """Return items of these kinds, newest first."""
    parameters = {**msgspec.structs.asdict(wanted), "limit": limit}
    found = [item for kind in kinds for item in await _READS[kind](connection, parameters)]
    return sorted(found, key=place_of, reverse=True)[:limit]


def kinds_of(kind: Kind | None, campaign_id: UUID | None, session_id: str | None) -> Sequence[Kind]:
    """Return the kinds that a list may hold: what is no message belongs to no campaign."""
    possible: Sequence[Kind] = tuple(Kind)
    if campaign_id is not None:
        possible = OF_CAMPAIGNS
    elif session_id is not None:
        possible = tuple(each for each in Kind if each is not Kind.QUARANTINED)
    return [each for each in possible if kind in (None, each)]


OF_CAMPAIGNS = (Kind.HELD, Kind.UNCONFIRMED, Kind.DEAD_LETTER, Kind.CAMPAIGN)


def place_of(item: Item) -> tuple[int, str]:
    """Return where an item stands in the list: its time (epoch ms) and its id."""
    return to_ms(item.since), item.id


def _messages(concern: Concern) -> Read:
    async def read(connection: AsyncConnection, parameters: dict[str, Any]) -> list[Item]:
        rows = await connection.execute(_MESSAGES, {**parameters, "concern": concern.value})
        return [
            message_item(concerns.read(row), session_id, _decode_recipient(state))
            for *row, session_id, state in rows
        ]

    return read


def _callbacks(kind: Kind, reason: str) -> Read:
    async def read(connection: AsyncConnection, parameters: dict[str, Any]) -> list[Item]:
        rows = await connection.execute(_CALLBACKS, {**parameters, "reason": reason})
        return [callback_item(kind, ParkedReport(*row)) for row in rows]

    return read


async def _sessions(connection: AsyncConnection, parameters: dict[str, Any]) -> list[Item]:
    rows = await connection.execute(_SESSIONS, parameters)
    return [session_item(session_id, _decode_session(state)) for session_id, state in rows]


async def _quarantined(connection: AsyncConnection, parameters: dict[str, Any]) -> list[Item]:
    rows = await connection.execute(_QUARANTINED, parameters)
    return [quarantined_item(Unreadable(*row)) for row in rows]


async def _campaigns(connection: AsyncConnection, parameters: dict[str, Any]) -> list[Item]:
    rows = await connection.execute(_CAMPAIGNS, parameters)
    return [campaign_item(Stopped(*row)) for row in rows]


_READS: dict[Kind, Read] = {
    Kind.HELD: _messages(Concern.HELD),
    Kind.UNCONFIRMED: _messages(Concern.UNCONFIRMED),
    Kind.DEAD_LETTER: _messages(Concern.DEAD_LETTER),
    Kind.AMBIGUOUS_CALLBACK: _callbacks(Kind.AMBIGUOUS_CALLBACK, AMBIGUOUS),
    Kind.UNMATCHED_CALLBACK: _callbacks(Kind.UNMATCHED_CALLBACK, NOT_YET_KNOWN),
    Kind.SESSION: _sessions,
    Kind.QUARANTINED: _quarantined,
    Kind.CAMPAIGN: _campaigns,
}
