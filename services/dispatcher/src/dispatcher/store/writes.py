"""What a transaction appends and writes, gathered while it decides and carried out together at its end.

A statement costs this process more than the few rows that it usually has: the parts become one, `WITH … SELECT`.
"""

from collections.abc import Sequence
from functools import cache

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.store.postgres import APPENDED, Recorded, as_rows

APPEND = text("""
    INSERT INTO events (stream, version, type, data, status, tenant, correlation, causation, recorded_at_ms)
    SELECT stream, version, type, data, status, tenant, correlation, causation, recorded_at_ms
    FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS (
            stream text, version integer, type text, data jsonb, status text, tenant text, correlation text,
            causation text, recorded_at_ms bigint)) WITH ORDINALITY
         AS e(stream, version, type, data, status, tenant, correlation, causation, recorded_at_ms, ordinal)
    ORDER BY ordinal
""")
_TELL = """
    SELECT pg_notify(channel, payload) FROM json_to_recordset(CAST(:told AS json)) AS t(channel text, payload text)
"""


class News(msgspec.Struct, frozen=True):
    """A notification for those that wait on a channel."""

    channel: str
    payload: str


class Writes:
    """The parts of one statement. They see the tables as they were before it, and run in no order of their own: no two
    of them may touch the same line.
    """

    def __init__(self) -> None:
        self._first: list[tuple[TextClause, Sequence[object]]] = []
        self._parts: list[tuple[TextClause, Sequence[object]]] = []
        self._news: dict[News, None] = {}

    def append(self, events: Sequence[Recorded]) -> None:
        """Append events in their order, and tell those that wait for them."""
        if events:
            self.add(APPEND, events)
            self.tell(APPENDED)

    def add(self, statement: TextClause, rows: Sequence[object], *, first: bool = False) -> None:
        """Write rows by a statement that reads them from its one parameter, `rows`. `first`: before the others, since
        it makes room for them.
        """
        if rows:
            (self._first if first else self._parts).append((statement, rows))

    def tell(self, channel: str, payload: str = "") -> None:
        """Wake those that wait on a channel, once the transaction is committed; the same news once."""
        self._news[News(channel, payload)] = None

    async def carry_out(self, connection: AsyncConnection) -> None:
        """Write all of it: one statement, two where some of it comes first."""
        for parts in (self._first, self._parts):
            if parts or (self._news and parts is self._parts):
                news = list(self._news) if parts is self._parts else []
                statement = join(tuple(part.text for part, _ in parts))
                rows = {f"rows_{number}": as_rows(rows)["rows"] for number, (_, rows) in enumerate(parts)}
                await connection.execute(statement, {**rows, "told": as_rows(news)["rows"]})


@cache
def join(statements: tuple[str, ...]) -> TextClause:
    """Return one statement that does what all of these do and tells the news; there are as many as kinds of batches."""
    parts = [
        f"part_{number} AS ({statement.replace(':rows ', f':rows_{number} ')})"
        for number, statement in enumerate(statements)
    ]
    return text(f"WITH {', '.join(parts)} {_TELL}" if parts else _TELL)
