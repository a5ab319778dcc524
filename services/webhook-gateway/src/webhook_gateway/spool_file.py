"""The spool file: messages on this machine's disk, in order, while the NATS stream does not take them.

SQLite in WAL mode with `synchronous=FULL`: what `append` returned for is on the disk. One process at a time:
the lock is SQLite's own, and the kernel drops it when the process dies. Blocking; `spool` calls it from a thread.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from webhook_gateway import spool_tables as sql
from webhook_gateway.batches import Outcome, Outgoing

PAGE_BYTES = 4096
WAL_BYTES = 4 << 20
"""What the write-ahead log is cut back to; it comes on top of the limit."""
MAX_READ_BYTES = 4 << 20
OWNER_ONLY = 0o600
"""The file holds phone numbers."""

REASONS = {
    "SQLITE_BUSY": "is in use by another process",
    "SQLITE_NOTADB": "is not a spool",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_READONLY": "cannot be written",
    "SQLITE_FULL": "cannot be written: no space",
}


class SpoolError(Exception):
    """The spool cannot be opened, or not be written. One line."""


class Held(msgspec.Struct, frozen=True):
    """A message in the spool, its place in the order, and since when it is there (epoch milliseconds)."""

    position: int
    held_at_ms: int
    message: Outgoing


class SpoolFile:
    """An open spool. `now_ms` is epoch milliseconds; `used_bytes` is how much of the file is in use."""

    def __init__(self, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self._connection = connection
        self.now_ms = now_ms
        self.used_bytes = 0
        self._measure()

    def append(self, stream: str, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Keep messages behind all others, in one transaction. Raises `SpoolError`; then none was kept."""
        now_ms = self.now_ms()
        with self._writing() as connection:
            return [_insert(connection, stream, message, now_ms) for message in messages]

    def oldest(self, stream: str, count: int) -> list[Held]:
        """Return the first messages of a NATS stream, in order, as many as memory takes. Raises `SpoolError`."""
        found: list[Held] = []
        left = MAX_READ_BYTES
        with _told_as_spool_error():
            for position, at_ms, *parts in self._connection.execute(sql.OLDEST, (stream, count)):
                found.append(Held(position, at_ms, Outgoing(*parts)))
                left -= len(found[-1].message.payload)
                if left <= 0:
                    break
        return found

    def remove(self, stream: str, through: int) -> None:
        """Forget the messages of a NATS stream up to a position. Raises `SpoolError`."""
        with self._writing() as connection:
            connection.execute(sql.REMOVE_THROUGH, (stream, through))

    def remove_ids(self, stream: str, ids: Sequence[str]) -> int:
        """Forget messages of a NATS stream; return how many were held. Raises `SpoolError`."""
        with self._writing() as connection:
            return connection.executemany(sql.REMOVE_ID, [(stream, each) for each in ids]).rowcount

    def put_aside(self, stream: str, held: Held, reason: str) -> None:
        """Move a message that the NATS stream refuses for good out of the way; the next opening puts it back.
        Raises `SpoolError`.
        """
        message = held.message
        parts = (stream, message.id, message.subject, message.payload, held.held_at_ms, self.now_ms(), reason)
        with self._writing() as connection:  # what is removed first makes room in a full file
            connection.execute(sql.REMOVE_ID, (stream, message.id))
            connection.execute(sql.REFUSE, parts)

    def count(self, stream: str) -> int:
        """Return how many messages of a NATS stream are held."""
        row = self._connection.execute("SELECT count(*) FROM held WHERE stream = ?", (stream,)).fetchone()
        return int(row[0])

    def count_refused(self, stream: str) -> int:
        """Return how many messages were put aside."""
        row = self._connection.execute("SELECT count(*) FROM refused WHERE stream = ?", (stream,)).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Close the file, and let go of it."""
        self._connection.close()

    def _measure(self) -> None:
        """Note how much is in use; pages that were freed are used again."""
        (pages,), (free,) = (
            self._connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count")
        )
        self.used_bytes = (pages - free) * PAGE_BYTES

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction, all of which is on the disk afterwards, or nothing."""
        with _told_as_spool_error():
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
            self._measure()


@contextmanager
def _told_as_spool_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        raise SpoolError(_reason(fault)) from fault


def _insert(connection: sqlite3.Connection, stream: str, message: Outgoing, at_ms: int) -> Outcome:
    row = (stream, message.id, message.subject, message.payload, at_ms)
    return "accepted" if connection.execute(sql.APPEND, row).rowcount else "duplicate"


def open_spool(path: Path, max_bytes: int, now_ms: Callable[[], int]) -> SpoolFile:
    """Open or make a spool that never grows beyond `max_bytes`, and write to it. Raises `SpoolError`.

    The folder must be there: where a volume was not mounted, one of our own making would not outlive us.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    except OSError as fault:
        raise SpoolError(f"{path} cannot be written: {fault.strerror}") from fault
    except sqlite3.Error as fault:
        raise SpoolError(f"{path} {_reason(fault)}") from fault
    try:
        _prepare(connection, max_bytes, now_ms())
    except sqlite3.Error as fault:
        connection.close()
        raise SpoolError(f"{path} {_reason(fault)}") from fault
    return SpoolFile(connection, now_ms)


def _prepare(connection: sqlite3.Connection, max_bytes: int, now_ms: int) -> None:
    """Lock the file, make its tables, and prove that it can be written."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    connection.executescript(sql.SCHEMA)
    _put_back_refused(connection)
    connection.execute("INSERT OR REPLACE INTO opened VALUES (1, ?)", (now_ms,))
    connection.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")


def _put_back_refused(connection: sqlite3.Connection) -> None:
    """Let the NATS streams have another look at what they refused: whoever starts us may have changed them.

    Row by row, so that each finds the room that it had.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for row in connection.execute(sql.REFUSED_ROWS).fetchall():
            (parts,) = connection.execute(sql.TAKE_REFUSED, row).fetchall()
            connection.execute(sql.APPEND, parts)


def _reason(fault: sqlite3.Error) -> str:
    """Return what is wrong with the file, in words; an extended code goes by its first two."""
    name = "_".join(str(getattr(fault, "sqlite_errorname", "SQLITE_ERROR")).split("_")[:2])
    return REASONS.get(name, f"cannot be used: {fault}")
