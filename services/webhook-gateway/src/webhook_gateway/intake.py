"""The intake: one authenticated callback, from its raw body to a durable message."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

import msgspec

from contracts import delivery, subjects
from webhook_gateway import quarantine
from webhook_gateway.batches import NotStoredError, Outcome, Outgoing
from webhook_gateway.callbacks import Hook, Unfamiliar, UnreadableCallbackError, read_callback
from webhook_gateway.counters import Counters
from webhook_gateway.receipt import Receipt
from webhook_gateway.translate import translate

Publish = Callable[[Outgoing], Awaitable[Outcome]]
"""Returns once a message is stored durably; raises `NotStoredError`."""

_ENCODER = msgspec.json.Encoder()
_NEVER = datetime.fromtimestamp(0, UTC)
_ATTEMPT_REPORTS = (delivery.MessageSent, delivery.MessageFailed)


class Accepted(msgspec.Struct, frozen=True):
    """The answer to a callback that is stored: its id, and whether it was new."""

    id: str
    status: Literal["accepted", "duplicate"]


class Intake:
    """Takes callbacks: reads, translates and publishes them; what cannot become a report goes to quarantine."""

    def __init__(self, publish: Publish, put_aside: Publish, counters: Counters) -> None:
        self._publish = publish
        self._put_aside = put_aside
        self._counters = counters

    async def take(self, hook: Hook, receipt: Receipt) -> Accepted:
        """Return once the callback is stored; one that cannot be read is kept too, and its error raised."""
        try:
            callback = read_callback(hook, receipt.body)
            if isinstance(callback, Unfamiliar):
                self._counters.count(receipt.hook, "unknown")
                return await self._store(self._put_aside, quarantine.unknown(receipt, callback), receipt)
            message = _outgoing(translate(callback, receipt))
        except UnreadableCallbackError as fault:
            await self._store(self._put_aside, quarantine.invalid(receipt, fault), receipt, "quarantined")
            raise
        return await self._store(self._publish, message, receipt)

    async def _store(
        self, publish: Publish, message: Outgoing, receipt: Receipt, counted_as: str | None = None
    ) -> Accepted:
        try:
            outcome = await publish(message)
            if outcome == "conflict":
                await self._put_aside(quarantine.conflict(receipt, message.id))
        except NotStoredError:
            self._counters.count(receipt.hook, "not_stored")
            raise
        self._counters.count(receipt.hook, counted_as or outcome)
        return Accepted(message.id, "accepted" if outcome == "accepted" else "duplicate")


def _outgoing(report: delivery.Report) -> Outgoing:
    return Outgoing(report.id, subjects.of_delivery(report), _ENCODER.encode(report), _mark(report))


def _mark(report: delivery.Report) -> bytes:
    """Return what two reports of one id must share, to be the same said twice, as a digest.

    Each session that sits in a group reports with its own session, time and reference: those may differ. The
    reference of a send callback may not: it names the attempt.
    """
    reference = report.client_ref if isinstance(report, _ATTEMPT_REPORTS) else None
    said = msgspec.structs.replace(
        report, time=_NEVER, at=_NEVER, session_id=None, raw_timestamp=None, client_ref=reference
    )
    return blake2b(_ENCODER.encode(said), digest_size=8).digest()
