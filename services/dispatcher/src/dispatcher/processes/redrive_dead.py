"""Dead letters that were ordered to be sent again, part by part, so that callbacks never wait for long."""

from collections.abc import Callable

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.handling import Rules, batch
from dispatcher.projections import dead_letters
from dispatcher.projections.dead_letters import Selection
from dispatcher.redrive import Who, redrive_part
from dispatcher.store import redrive_orders

PART = 500
"""So many messages are told in one transaction: it bounds how long callbacks wait."""

_decode = msgspec.json.Decoder(Selection).decode


class Redrive:
    """Carries orders out, one part of one order at a time."""

    def __init__(self, engine: AsyncEngine, rules: Rules, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._rules = rules
        self._now_ms = now_ms

    async def carry_out(self) -> int:
        """Carry out one part; return 0 when nothing is ordered."""
        async with self._engine.begin() as connection:
            order = await redrive_orders.claim(connection, self._now_ms())
        if order is None:
            return 0
        async with self._engine.connect() as connection:
            part = await dead_letters.next_part(
                connection, order.tenant, _decode(order.selection), order.done, PART
            )
        if not part:
            async with self._engine.begin() as connection:
                await redrive_orders.end(connection, order)
            return 1
        now_ms = self._now_ms()
        async with batch(self._engine, self._rules, now_ms) as (connection, handling):
            if await redrive_orders.advance(connection, order, part[-1][1], now_ms):
                keys = [key for key, _ in part]
                await handling.load(connection, keys)
                redrive_part(handling, keys, Who(order.tenant, order.by, order.why))
        return 1
