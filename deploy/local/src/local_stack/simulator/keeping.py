"""Keeping: what outlives the simulator's process, so that a test can kill it and still count.

The VPS forgets its queue, its answers and `/message-status` when it is restarted. What really left, how the gateway
answered, and of which build the VPS is are no memory of it: they are kept in a folder, one line each, written at once.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from local_stack.simulator.ledger import Entry

LEDGER = "ledger.jsonl"
ANSWERED = "answered.jsonl"
DENIED = "denied.jsonl"
LIVES = "lives.jsonl"
KNOBS = "knobs.json"

T = TypeVar("T")


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a callback that the gateway answered: `id` stands in the answer where it was taken (202)."""

    at_ms: int
    hook: str
    body: msgspec.Raw
    answer: str
    id: str | None = None
    wrong_key: bool = False


class Life(msgspec.Struct, frozen=True):
    """The simulator was started, with an empty memory."""

    began_at_ms: int


class Denied(msgspec.Struct, frozen=True):
    """`/message-status` said that it knows of no message to a recipient."""

    at_ms: int
    session_id: str
    recipient: str


class _Said(msgspec.Struct):
    id: str | None = None


class KeptKnobs(msgspec.Struct, frozen=True):
    """All levels of knobs: the defaults in full, of sessions and recipients what differs."""

    defaults: msgspec.Raw
    sessions: dict[str, msgspec.Raw]
    recipients: dict[str, msgspec.Raw]


class Keeping:
    """Writes to a folder; to none where none is given. What is written survives the end of the process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def begin(self, at_ms: int) -> int:
        """Note a new life; return how many there were before."""
        lives = 0 if self._folder is None else len(read_lives(self._folder))
        self._append(LIVES, Life(at_ms))
        return lives

    def entries(self) -> list[Entry]:
        """Return the ledger of the lives before."""
        return [] if self._folder is None else read_ledger(self._folder)

    def write_entry(self, entry: Entry) -> None:
        """Keep what left."""
        self._append(LEDGER, entry)

    def write_answer(
        self, at_ms: int, hook: str, body: bytes, answer: str, said: bytes, *, wrong_key: bool
    ) -> None:
        """Keep how the gateway answered a callback; `said` is the body of its answer."""
        if self._folder is not None and answer.isdigit():
            known = _id_in(said) if answer.startswith("2") else None
            kept = Answered(
                at_ms=at_ms, hook=hook, body=_as_json(body), answer=answer, id=known, wrong_key=wrong_key
            )
            self._append(ANSWERED, kept)

    def write_denied(self, denied: Denied) -> None:
        """Keep that a message was denied."""
        self._append(DENIED, denied)

    def knobs(self) -> KeptKnobs | None:
        """Return the knobs as they were last turned."""
        path = None if self._folder is None else self._folder / KNOBS
        if path is None or not path.exists():
            return None
        return msgspec.json.decode(path.read_bytes(), type=KeptKnobs)

    def write_knobs(self, knobs: KeptKnobs) -> None:
        """Keep the knobs, in one step."""
        if self._folder is not None:
            draft = self._folder / f"{KNOBS}.draft"
            draft.write_bytes(msgspec.json.encode(knobs))
            draft.replace(self._folder / KNOBS)

    def forget(self) -> None:
        """Begin again with nothing kept."""
        for name in (LEDGER, ANSWERED, DENIED, LIVES):
            if self._folder is not None and (path := self._folder / name).exists():
                os.truncate(path, 0)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _append(self, name: str, line: msgspec.Struct) -> None:
        if self._folder is None:
            return
        if name not in self._files:
            self._files[name] = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._files[name], msgspec.json.encode(line) + b"\n")


def read_ledger(folder: Path) -> list[Entry]:
    """Return every message that left, in the order of the writes."""
    return _lines(folder / LEDGER, Entry)


def read_answered(folder: Path) -> list[Answered]:
    """Return every callback that the gateway answered."""
    return _lines(folder / ANSWERED, Answered)


def read_denied(folder: Path) -> list[Denied]:
    """Return every look-up that found nothing."""
    return _lines(folder / DENIED, Denied)


def read_lives(folder: Path) -> list[Life]:
    """Return when the simulator was started."""
    return _lines(folder / LIVES, Life)


def _lines(path: Path, kind: type[T]) -> list[T]:
    """Read whole lines; one that a crash has cut off is none."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    decode = msgspec.json.Decoder(kind).decode
    return [decode(line) for line in whole.splitlines()]


def _id_in(said: bytes) -> str | None:
    try:
        return msgspec.json.decode(said, type=_Said).id
    except msgspec.MsgspecError:
        return None


def _as_json(body: bytes) -> msgspec.Raw:
    """Return a body as it stands in a line: JSON as it is, anything else as a text."""
    try:
        msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return msgspec.Raw(msgspec.json.encode(body.decode(errors="replace")))
    return msgspec.Raw(body)
