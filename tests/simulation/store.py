"""A store in memory that takes the dispatcher's own statements: what each means stands in `statements`.

A transaction runs without a pause between its first statement and its end, so nobody sees it half done; it may be
rolled back (a lost race, a lost connection), or committed without anybody being told.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import TextClause

from dispatcher.store.writes import News

K = TypeVar("K")
V = TypeVar("V")


SLOW_PART = 0.3
"""So many transactions take a time that others may use."""


class LostConnection(ConnectionError):
    """The connection broke; nobody knows whether the transaction was committed."""


class Violated(Exception):
    """A constraint of the schema."""


class NoMeaning(Exception):
    """A statement that the simulation does not know: `statements` must say what it means."""


class StoreFaults(msgspec.Struct, frozen=True):
    """How often a transaction is rolled back, or committed while its answer is lost; how long one takes at the most."""

    rolled_back: float = 0.0
    commit_unknown: float = 0.0
    seconds: float = 0.02


class Table(dict[K, V], Generic[K, V]):
    """Lines by their key, changed through `put` and `drop` alone, so that a transaction can be taken back."""

    def __init__(self, undo: list[Callable[[], None]]) -> None:
        super().__init__()
        self._undo = undo

    def put(self, key: K, line: V) -> None:
        """Insert or replace a line."""
        before = self.get(key)
        known = key in self
        self._undo.append((lambda: self.__setitem__(key, before)) if known else (lambda: self.pop(key)))  # type: ignore[arg-type]
        self[key] = line

    def drop(self, key: K) -> None:
        """Delete a line, if it is there."""
        if key in self:
            before = self.pop(key)
            self._undo.append(lambda: self.__setitem__(key, before))


class Answered:
    """The answer to a statement, as far as the dispatcher's code looks at it."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows = list(rows)

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return iter(self._rows)

    def one(self) -> Sequence[Any]:
        """Return the only row."""
        [only] = self._rows
        return only

    def first(self) -> Sequence[Any] | None:
        """Return the first row."""
        return self._rows[0] if self._rows else None

    def scalars(self) -> list[Any]:
        """Return the first value of each row."""
        return [row[0] for row in self._rows]

    def scalar(self) -> Any:
        """Return the first value."""
        return self._rows[0][0] if self._rows else None


Meaning = Callable[["Store", dict[str, Any]], Iterable[Sequence[Any]]]


class Store:
    """The tables; and an engine for them, which the dispatcher's code takes for SQLAlchemy's."""

    def __init__(
        self,
        meanings: dict[str, Meaning],
        faults: StoreFaults,
        random: Random,
        now_ms: Callable[[], int],
        wake: Callable[[str, str], None],
    ) -> None:
        self._meanings = meanings
        self._faults = faults
        self._random = random
        self.now_ms = now_ms
        self._wake = wake
        self._undo: list[Callable[[], None]] = []
        self._notified: list[tuple[str, str]] = []
        self.locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.calm = False
        self.violations: list[str] = []
        self.events: Table[int, Any] = Table(self._undo)
        self.versions: Table[str, int] = Table(self._undo)
        self.recipients: Table[Any, Any] = Table(self._undo)
        self.campaigns: Table[Any, Any] = Table(self._undo)
        self.sessions: Table[str, Any] = Table(self._undo)
        self.groups: Table[Any, Any] = Table(self._undo)
        self.queue: Table[Any, Any] = Table(self._undo)
        self.attempts: Table[str, Any] = Table(self._undo)
        self.open_attempts: Table[str, Any] = Table(self._undo)
        self.message_ids: Table[str, Any] = Table(self._undo)
        self.readers: Table[Any, Any] = Table(self._undo)
        self.keys: Table[Any, Any] = Table(self._undo)
        self.parked: Table[str, Any] = Table(self._undo)
        self.leases: Table[str, Any] = Table(self._undo)
        self.replicas: Table[str, int] = Table(self._undo)
        self.concerns: Table[Any, Any] = Table(self._undo)
        self.outcomes: Table[Any, Any] = Table(self._undo)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["Connection"]:
        """Open a transaction, as `AsyncEngine.begin` does."""
        await self._pause()
        connection = Connection(self)
        try:
            try:
                yield connection
            except BaseException:
                self._roll_back()
                raise
            await self._end()
        finally:
            for key in connection.locked:
                self.locks[key].release()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Connection"]:
        """Open a connection to read, as `AsyncEngine.connect` does."""
        await self._pause()
        yield Connection(self)
        self._roll_back()

    def violated(self, constraint: str) -> Violated:
        """Return the error of a constraint, and remember that it was tried: no race should come so far."""
        self.violations.append(constraint)
        return Violated(constraint)

    def notify(self, channel: str, payload: str = "") -> None:
        """Wake those that wait on a channel, at the commit."""
        self._notified.append((channel, payload))

    def answer(self, statement: str, parameters: dict[str, Any]) -> Answered:
        """Carry a statement out; raises `NoMeaning`."""
        meaning = self._meanings.get(statement)
        if meaning is None:
            raise NoMeaning(f"tests/simulation/statements.py says nothing of:\n{statement}")
        return Answered(meaning(self, parameters))

    def write(self, parts: Sequence[str], parameters: dict[str, Any]) -> Answered:
        """Carry out what is joined in one statement, in an order that nobody may count on, then tell the news."""
        for number in self._random.sample(range(len(parts)), len(parts)):
            self.answer(parts[number], {"rows": parameters[f"rows_{number}"]})
        for news in msgspec.json.decode(parameters["told"], type=list[News]):
            self.notify(news.channel, news.payload)
        return Answered([])

    async def _end(self) -> None:
        """Commit, or not; the pause comes after it, so that nobody sees a transaction half done."""
        fate = 1.0 if self.calm else self._random.random()
        if fate < self._faults.rolled_back:
            self._roll_back()
        else:
            self._undo.clear()
            notified, self._notified = self._notified, []
            for channel, payload in notified:
                self._wake(channel, payload)
        await self._pause()
        if fate < self._faults.rolled_back + self._faults.commit_unknown:
            raise LostConnection

    def _roll_back(self) -> None:
        while self._undo:
            self._undo.pop()()
        self._notified.clear()

    async def _pause(self) -> None:
        """Take a time, now and then, so that others come between."""
        if self._random.random() < SLOW_PART:
            await asyncio.sleep(self._random.random() * self._faults.seconds)


class Connection:
    """One connection of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.locked: list[int] = []

    async def execute(self, statement: TextClause, parameters: dict[str, Any] | None = None) -> Answered:
        """Carry a statement out; an advisory lock alone may have to be waited for, before anything else."""
        given = parameters or {}
        if "pg_advisory_xact_lock" in statement.text:
            await self._store.locks[given["key"]].acquire()
            self.locked.append(given["key"])
            return Answered([])
        if "told" in given:
            return self._store.write(parts_of(statement.text), given)
        return self._store.answer(statement.text, given)


def parts_of(statement: str) -> list[str]:
    """Return the statements that were joined to this one."""
    ends = [
        found.start() for found in re.finditer(r"\),? (?:part_\d+ AS \(|\n    SELECT pg_notify)", statement)
    ]
    starts = [found.end() for found in re.finditer(r"part_\d+ AS \(", statement)]
    return [
        statement[start:end].replace(f":rows_{number} ", ":rows ")
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
