"""Delivery reports in: one transaction a batch."""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.delivery import Report
from dispatcher import handling, reports
from dispatcher.handling import Rules
from dispatcher.store import hearing
from dispatcher.store.postgres import without_nul

_decode: Callable[[bytes], Report] = msgspec.json.Decoder(Report).decode


def decode(body: bytes) -> Report:
    """Return the report in a message; a NUL in it, which no query can name, becomes the replacement character."""
    report: Report = _decode(without_nul(body))
    return report


class Deliveries(msgspec.Struct, frozen=True):
    """Applies delivery reports."""

    engine: AsyncEngine
    rules: Rules
    now_ms: Callable[[], int]

    async def handle(self, heard: Sequence[Report]) -> None:
        """Apply a batch, in order; return when it is committed."""
        async with handling.batch(self.engine, self.rules, self.now_ms()) as (connection, batch):
            await reports.apply(connection, batch, heard)
            sessions = {report.session_id for report in heard if report.session_id}
            hearing.note(batch.writes, sessions, batch.now_ms)
