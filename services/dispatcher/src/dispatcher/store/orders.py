"""The orders that are under way: what was ordered for a campaign's recipients, and how far it has been carried out.

A worker claims an order for a while; what it did counts only if nobody else did the same part meanwhile.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain.campaign_commands import Order
from dispatcher.store.postgres import without_nul

CLAIM_MS = 120_000
"""So long nobody else takes up an order whose worker died."""


class OpenOrder(msgspec.Struct, frozen=True):
    """A line of `campaign_orders`; the recipients up to position `done_up_to` are done."""

    order_id: int
    campaign_id: UUID
    command: Order
    correlation: str
    causation: str | None
    done_up_to: int


_GIVE = text("""
    INSERT INTO campaign_orders (campaign_id, command, correlation, causation, done_up_to, claimed_until_ms)
    VALUES (:campaign_id, CAST(:command AS jsonb), :correlation, :causation, -1, 0)
""")
_CLAIM = text("""
    UPDATE campaign_orders SET claimed_until_ms = :until_ms
    WHERE order_id = (
        SELECT order_id FROM campaign_orders WHERE claimed_until_ms < :now_ms
        ORDER BY claimed_until_ms, order_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING order_id, campaign_id, command::text, correlation, causation, done_up_to
""")
_NEXT = text("""
    SELECT recipient, position FROM recipient_status
    WHERE campaign_id = :campaign_id AND position > :after AND status = ANY(CAST(:statuses AS text[]))
    ORDER BY position LIMIT :limit
""")
_ADVANCE = text("""
    UPDATE campaign_orders SET done_up_to = :now_up_to, claimed_until_ms = :rests_until_ms
    WHERE order_id = :order_id AND done_up_to = :done_up_to
    RETURNING order_id
""")
_END = text("DELETE FROM campaign_orders WHERE order_id = :order_id")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode


async def give(
    connection: AsyncConnection, campaign_id: UUID, command: Order, correlation: str, causation: str | None
) -> None:
    """Keep an order until it is carried out."""
    body = without_nul(_encode(command)).decode()
    parameters = {"campaign_id": campaign_id, "command": body}
    await connection.execute(_GIVE, {**parameters, "correlation": correlation, "causation": causation})


async def claim(connection: AsyncConnection, now_ms: int) -> OpenOrder | None:
    """Take up the order that has rested longest; None when there is none."""
    row = (await connection.execute(_CLAIM, {"now_ms": now_ms, "until_ms": now_ms + CLAIM_MS})).first()
    if row is None:
        return None
    order_id, campaign_id, command, *rest = row
    return OpenOrder(order_id, campaign_id, _decode(command), *rest)


async def next_recipients(
    connection: AsyncConnection, campaign_id: UUID, after: int, statuses: Sequence[str], limit: int
) -> list[tuple[str, int]]:
    """Return JID and position of the next recipients after a position that stand in one of these statuses."""
    parameters = {"campaign_id": campaign_id, "after": after}
    rows = await connection.execute(_NEXT, {**parameters, "statuses": list(statuses), "limit": limit})
    return [(recipient, position) for recipient, position in rows]


async def advance(connection: AsyncConnection, order: OpenOrder, now_up_to: int, rests_until_ms: int) -> bool:
    """Move an order on, in the transaction that records what was done; False when somebody else did that part."""
    parameters = {"order_id": order.order_id, "done_up_to": order.done_up_to, "now_up_to": now_up_to}
    row = (await connection.execute(_ADVANCE, {**parameters, "rests_until_ms": rests_until_ms})).first()
    return row is not None


async def end(connection: AsyncConnection, order: OpenOrder) -> None:
    """Forget an order that is carried out."""
    await connection.execute(_END, {"order_id": order.order_id})
