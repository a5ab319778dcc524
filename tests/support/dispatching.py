"""The dispatcher's parts on a real database, with a clock, ids and answers of the VPS that a test decides."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.commands import CampaignSpec, RecipientSpec
from contracts.delivery import DeliveryReport, Report
from contracts.envelope import type_of
from dispatcher.consumers import deliveries
from dispatcher.creation import Clerk
from dispatcher.domain import recipient_commands as command
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.session import Session
from dispatcher.enrolment import check
from dispatcher.handling import Cause, Rules, batch
from dispatcher.projections import campaign_status, recipient_status, session_status
from dispatcher.projections.rows import CampaignRow
from dispatcher.sending.flight import Clock, Ids
from dispatcher.translate import to_time

NOON_MS = 1_700_000_000_000
SESSION = "wa_x"
TENANT = "acme"
RULES = Rules(RetryPolicy(jitter=0.0))
DEADLINE_MS = 300_000

AnyReport = TypeVar("AnyReport", bound=DeliveryReport)


def groups(count: int, first: int = 1) -> list[str]:
    """Return JIDs of groups."""
    return [f"1203630{number:011}@g.us" for number in range(first, first + count)]


def report(kind: type[AnyReport], at_ms: int = NOON_MS, **fields: Any) -> AnyReport:
    """Return a delivery report whose id follows from its content, as the gateway makes them."""
    content = {"session_id": SESSION, **fields}
    identity = "-".join([type_of(kind), str(at_ms), *(str(value) for value in content.values())])
    return kind(id=identity, time=to_time(at_ms), correlation=identity, at=to_time(at_ms), **content)


class SteppedClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.ms += round(seconds * 1000)

    def now_ms(self) -> int:
        """Return the wall time."""
        return self.ms

    @property
    def both(self) -> Clock:
        """The clock as the sender wants it."""
        return Clock(self.now_ms, lambda: self.ms / 1000)


class Bed:
    """One migrated database and what stands on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.clock = SteppedClock()
        self._numbers = itertools.count(1)
        self.ids = Ids(lambda: str(UUID(int=next(self._numbers))), lambda: f"3EB0{next(self._numbers):018X}")

    async def create(
        self,
        jids: Sequence[str],
        session_id: str = SESSION,
        *,
        campaign_id: UUID | None = None,
        chunk: int = 2000,
        engine: AsyncEngine | None = None,
        **content: Any,
    ) -> UUID:
        """Record a campaign to groups, as the consumer of commands does."""
        recipients = [RecipientSpec(group_jid=jid) for jid in jids]
        spec = CampaignSpec(session_id=session_id, message="hi", recipients=recipients, **content)
        clerk = Clerk(engine or self.engine, RULES, chunk)
        cause = Cause("story")
        accepted = check(spec, 972)
        recording = await clerk.record(TENANT, campaign_id or uuid4(), accepted, cause, self.clock.ms)
        return recording.row.campaign_id

    async def start(self, campaign_id: UUID, jids: Sequence[str]) -> dict[str, Attempt]:
        """Record that a send to each starts, as the sender does before it calls."""
        async with batch(self.engine, RULES, self.clock.ms) as (connection, handling):
            await handling.load(connection, [(campaign_id, jid) for jid in jids])
            for jid in jids:
                fresh = self.ids.attempt(), self.ids.message()
                wish = command.StartSend(self.clock.ms, *fresh, self.clock.ms + DEADLINE_MS)
                handling.tell_recipient((campaign_id, jid), wish, Cause("story"))
        rows = {jid: handling.changes.recipients[campaign_id, jid] for jid in jids}
        return {jid: row.state.attempts[-1] for jid, row in rows.items()}

    async def begin(self, jids: Sequence[str], session_id: str = SESSION) -> tuple[UUID, dict[str, Attempt]]:
        """Record a campaign whose messages are all on their way."""
        campaign_id = await self.create(jids, session_id)
        return campaign_id, await self.start(campaign_id, jids)

    async def tell(self, *reports: Report) -> None:
        """Apply delivery reports as one batch, as they come over the wire."""
        heard = [deliveries.decode(msgspec.json.encode(report)) for report in reports]
        await deliveries.Deliveries(self.engine, RULES, self.clock.now_ms).handle(heard)

    async def recipient(self, campaign_id: UUID, jid: str) -> Recipient:
        """Return where a recipient stands."""
        async with self.engine.connect() as connection:
            [row] = await recipient_status.load(connection, [(campaign_id, jid)])
        return row.state

    async def statuses(self, campaign_id: UUID) -> list[str]:
        """Return where the recipients stand, in the order of the request."""
        statement = "SELECT status FROM recipient_status WHERE campaign_id = :id ORDER BY position"
        return [status for (status,) in await self.fetch(statement, id=campaign_id)]

    async def campaign(self, campaign_id: UUID) -> CampaignRow:
        """Return where a campaign stands."""
        async with self.engine.connect() as connection:
            [row] = await campaign_status.load(connection, [campaign_id])
        return row

    async def session(self, session_id: str = SESSION) -> Session:
        """Return where a session stands."""
        async with self.engine.connect() as connection:
            [row] = await session_status.load(connection, [session_id])
        return row.state

    async def fetch(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Run any query."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    async def execute(self, statement: str, **values: object) -> None:
        """Run any statement, and commit it."""
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def count(self, table: str) -> int:
        """Return how many lines a table has."""
        [(lines,)] = await self.fetch(f"SELECT count(*) FROM {table}")
        return int(lines)


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[list[str]]:
    """Collect the statements that an engine sends while the context lasts."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


class Cut(Exception):
    """The connection broke."""


@contextmanager
def breaking_off(engine: AsyncEngine, *, after_chunks: int) -> Iterator[None]:
    """Let the connection break when a campaign's recipients are inserted for the time behind `after_chunks`."""
    inserted = 0

    def break_off(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal inserted
        inserted += "INSERT INTO recipient_status" in statement
        if inserted > after_chunks:
            raise Cut

    event.listen(engine.sync_engine, "before_cursor_execute", break_off)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", break_off)
