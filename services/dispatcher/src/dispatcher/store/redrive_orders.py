"""The orders to send selected dead letters again that are under way, and how far each has been carried out."""

from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.orders import CLAIM_MS
from dispatcher.store.postgres import without_nul

_GIVE = text("""
    INSERT INTO redrive_orders (tenant, selection, by, why, done_ms, done_id, claimed_until_ms)
    VALUES (:tenant, CAST(:selection AS jsonb), :by, :why, -1, CAST(:none AS uuid), 0)
""")
_CLAIM = text("""
    UPDATE redrive_orders SET claimed_until_ms = :until_ms
    WHERE order_id = (
        SELECT order_id FROM redrive_orders WHERE claimed_until_ms < :now_ms
        ORDER BY claimed_until_ms, order_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING order_id, tenant, selection::text, by, why, done_ms, done_id
""")
_ADVANCE = text("""
    UPDATE redrive_orders SET done_ms = :now_ms, done_id = :now_id, claimed_until_ms = :rests_until_ms
    WHERE order_id = :order_id AND (done_ms, done_id) = (:done_ms, CAST(:done_id AS uuid))
    RETURNING order_id
""")
_END = text("DELETE FROM redrive_orders WHERE order_id = :order_id")

_encode = msgspec.json.Encoder().encode


class RedriveOrder(msgspec.Struct, frozen=True):
    """A line of `redrive_orders`; `selection` is JSON, and all up to the message at `done` are done."""

    order_id: int
    tenant: str
    selection: str
    by: str
    why: str | None
    done: tuple[int, UUID]


async def give(
    connection: AsyncConnection, tenant: str, selection: msgspec.Struct, by: str, why: str | None
) -> None:
    """Keep an order until it is carried out."""
    body = without_nul(_encode(selection)).decode()
    parameters = {"tenant": tenant, "selection": body, "by": by, "why": why, "none": UUID(int=0)}
    await connection.execute(_GIVE, parameters)


async def claim(connection: AsyncConnection, now_ms: int) -> RedriveOrder | None:
    """Take up the order that has rested longest; None when there is none."""
    row = (await connection.execute(_CLAIM, {"now_ms": now_ms, "until_ms": now_ms + CLAIM_MS})).first()
    if row is None:
        return None
    order_id, tenant, selection, by, why, *done = row
    return RedriveOrder(order_id, tenant, selection, by, why, (done[0], done[1]))


async def advance(
    connection: AsyncConnection, order: RedriveOrder, done: tuple[int, UUID], now_ms: int
) -> bool:
    """Move an order on, in the transaction that records what was done; False when somebody else did that part."""
    before = {"order_id": order.order_id, "done_ms": order.done[0], "done_id": order.done[1]}
    after = {"now_ms": done[0], "now_id": done[1], "rests_until_ms": now_ms - 1}
    return (await connection.execute(_ADVANCE, {**before, **after})).first() is not None


async def end(connection: AsyncConnection, order: RedriveOrder) -> None:
    """Forget an order that is carried out."""
    await connection.execute(_END, {"order_id": order.order_id})
