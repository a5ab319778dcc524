"""Where a callback went that was answered 202: into an event, aside, or nowhere because all of it was known. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from local_stack.fault.evidence import Body, Callback, Evidence, Stored


class Place(StrEnum):
    """What became of a callback."""

    APPLIED = "applied"
    """An event names it as its cause."""
    PARKED = "parked"
    """It is kept for later, or for an operator."""
    KNOWN = "known"
    """What it says is recorded, by another word for it: a repeat under another id, a look-up."""
    STUCK = "stuck"
    """It is kept for later, although its message is known."""
    LOST = "lost"


SENDS = {"message_sent": "recipient.sent", "message_failed": "recipient.failed"}
RECEIPTS = ("delivered", "read")


class Whereabouts:
    """Finds callbacks in what the system remembers."""

    def __init__(self, evidence: Evidence) -> None:
        self._parked = evidence.parked
        self._causes = {event.causation for event in evidence.stored if event.causation}
        self._attempts = dict(_attempts(evidence.stored))
        self._facts = {fact for event in evidence.stored for fact in _facts(event)}

    def find(self, callback: Callback) -> Place:
        """Say where a callback is that was answered 202."""
        if callback.id in self._causes:
            return Place.APPLIED
        if callback.id in self._parked:
            return Place.STUCK if self._is_stuck(callback.body) else Place.PARKED
        return Place.KNOWN if self._is_known(callback) else Place.LOST

    def _is_stuck(self, body: Body) -> bool:
        """Tell whether a parked callback should have been applied. A failure of a send that was not taken never is."""
        return body.event != "message_failed" and self._attempt(body) is not None

    def _attempt(self, body: Body) -> tuple[str, int] | None:
        return self._attempts.get(body.client_ref or "") or self._attempts.get(body.message_id or "")

    def _is_known(self, callback: Callback) -> bool:
        body, found = callback.body, self._attempt(callback.body)
        if found is None:
            return False
        stream, attempt = found
        if body.event in SENDS:
            return (stream, SENDS[body.event], attempt) in self._facts
        if body.event == "message_error":
            return (stream, "recipient.errored", attempt) in self._facts
        if body.event in RECEIPTS:
            return (stream, "recipient.receipt", body.event, body.reader_phone) in self._facts
        return (stream, "recipient.reaction", body.reactor_phone) in self._facts


def _attempts(stored: Iterable[Stored]) -> Iterable[tuple[str, tuple[str, int]]]:
    """Say which attempt of which recipient an attempt id or a message id names."""
    for event in stored:
        for name in (event.facts.attempt_id, event.facts.message_id):
            if name:
                yield name, (event.stream, event.facts.attempt)


def _facts(event: Stored) -> Iterable[tuple[str | int, ...]]:
    facts = event.facts
    match event.type:
        case "recipient.receipt":
            yield event.stream, event.type, facts.kind, facts.reader
        case "recipient.reaction":
            yield event.stream, event.type, facts.reactor
        case _:
            yield event.stream, event.type, facts.attempt
