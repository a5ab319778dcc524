"""The ledger: every message that the VPS really wrote to the socket, to count what was lost or doubled."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import msgspec

from local_stack.simulator.messages import Message

KEPT_TEXT = 200
"""Characters of a message's text that an entry keeps; doubles are told by the whole text."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One write, numbered from 1. `refused` says that WhatsApp answered it with an error ack."""

    number: int
    recipient: str
    session_id: str
    message_id: str
    client_ref: str | None
    idempotency_key: str | None
    sent_at_ms: int
    text: str
    text_digest: str
    refused: bool = False


class SentTwice(msgspec.Struct, frozen=True, kw_only=True):
    """One text that reached one recipient more than once."""

    recipient: str
    count: int
    message_ids: list[str]
    client_refs: list[str | None]


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `GET /_control/ledger`. The totals count all that match, `items` is one page of it.

    `sent` counts every write, `refused` those of them that WhatsApp refused; `sent_twice` leaves these out.
    `next` is the `after` of the following page.
    """

    sent: int
    refused: int
    distinct_recipients: int
    per_recipient: dict[str, int]
    sent_twice: list[SentTwice]
    items: list[Entry]
    next: int | None = None


class Ledger:
    """The entries, in the order in which they were written. `before` are those of earlier lives of the simulator;
    `keep` is told each new one.
    """

    def __init__(self, before: Sequence[Entry] = (), keep: Callable[[Entry], None] | None = None) -> None:
        self.entries: list[Entry] = list(before)
        self._keep = keep
        self._texts: dict[str, str] = {}

    def write(self, message: Message, at_ms: int, *, refused: bool) -> Entry:
        """Record a write at `at_ms` (epoch)."""
        text = message.text[:KEPT_TEXT]
        entry = Entry(
            number=len(self.entries) + 1,
            recipient=message.recipient,
            session_id=message.session_id,
            message_id=message.message_id,
            client_ref=message.client_ref,
            idempotency_key=message.idempotency_key,
            sent_at_ms=at_ms,
            text=self._texts.setdefault(text, text),
            text_digest=digest_of(message),
            refused=refused,
        )
        self.entries.append(entry)
        if self._keep is not None:
            self._keep(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()
        self._texts.clear()

    def report(
        self,
        recipient: str | None = None,
        session_id: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> LedgerReport:
        """Report what matches the recipient and the session."""
        matching = [
            entry
            for entry in self.entries
            if recipient in (None, entry.recipient) and session_id in (None, entry.session_id)
        ]
        items = [entry for entry in matching if entry.number > after]
        page = items if limit is None else items[:limit]
        per_recipient = Counter(entry.recipient for entry in matching)
        return LedgerReport(
            sent=len(matching),
            refused=sum(entry.refused for entry in matching),
            distinct_recipients=len(per_recipient),
            per_recipient=dict(per_recipient),
            sent_twice=sent_twice(matching),
            items=page,
            next=page[-1].number if page and len(page) < len(items) else None,
        )


def digest_of(message: Message) -> str:
    """Return what tells one content (text and media) from another."""
    return blake2b(f"{message.media_url or ''}|{message.text}".encode(), digest_size=8).hexdigest()


def sent_twice(entries: Iterable[Entry]) -> list[SentTwice]:
    """Return what reached a recipient more than once: the same text, by writes that were not refused."""
    writes: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if not entry.refused:
            writes.setdefault((entry.recipient, entry.text_digest), []).append(entry)
    return [
        SentTwice(
            recipient=recipient,
            count=len(same),
            message_ids=[entry.message_id for entry in same],
            client_refs=[entry.client_ref for entry in same],
        )
        for (recipient, _), same in writes.items()
        if len(same) > 1
    ]
