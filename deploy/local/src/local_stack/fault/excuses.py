"""What was never promised. Pure.

README, "What cannot be promised": *A first message, lost together with the VPS's memory, may go out twice.* A second
write is excused if all of this holds, and by nothing else:

1. after the first write the VPS was started anew, so that it had forgotten it, and after that, before the second write,
   it was asked and said that it knew of none (its own words, by its own clock);
2. the attempt of the first write failed by a look-up;
3. it was a first message: no other message of that session was known as sent, with a time before that attempt began,
   when the look-up was judged. Had there been one, the VPS would have been asked for that too, and found out.
"""

from collections.abc import Sequence

import msgspec

from local_stack.fault.evidence import Evidence, Stored
from local_stack.simulator.ledger import Entry


class Double(msgspec.Struct, frozen=True, kw_only=True):
    """Two writes of one message, one after the other."""

    first: Entry
    second: Entry
    excused: bool = False

    @property
    def words(self) -> str:
        """How it is told."""
        first, second = self.first, self.second
        return (
            f"{first.recipient} by {first.session_id}: {first.message_id} ({first.client_ref}) at {first.sent_at_ms}, "
            f"{second.message_id} ({second.client_ref}) at {second.sent_at_ms}"
        )


def judge(first: Entry, second: Entry, evidence: Evidence) -> Double:
    """Say whether two writes of one message are excused."""
    excused = (
        _was_forgotten(first, second, evidence)
        and (attempt := _started(first, evidence.stored)) is not None
        and (denied := _denied(attempt, evidence.stored)) is not None
        and not _had_witness(first.session_id, attempt, denied, evidence)
    )
    return Double(first=first, second=second, excused=excused)


def _was_forgotten(first: Entry, second: Entry, evidence: Evidence) -> bool:
    """Tell whether the VPS began anew after the first write, and then denied it before the second."""
    return any(
        first.sent_at_ms <= life <= denied.at_ms <= second.sent_at_ms
        for denied in evidence.denied
        if (denied.session_id, denied.recipient) == (first.session_id, first.recipient)
        for life in evidence.lives_ms
    )


def _started(entry: Entry, stored: Sequence[Stored]) -> Stored | None:
    """Return the start of the attempt that a write was of."""
    return next((event for event in stored if event.facts.attempt_id == (entry.client_ref or "-")), None)


def _denied(attempt: Stored, stored: Sequence[Stored]) -> Stored | None:
    """Return the word of the VPS that the attempt was not sent."""
    return next(
        (
            event
            for event in stored
            if event.stream == attempt.stream
            and event.type == "recipient.failed"
            and event.facts.attempt == attempt.facts.attempt
            and event.facts.source == "lookup"
        ),
        None,
    )


def _had_witness(session_id: str, attempt: Stored, denied: Stored, evidence: Evidence) -> bool:
    """Tell whether another message of the session was known as sent before the attempt began."""
    campaigns = {shown.campaign_id for shown in evidence.shown if shown.session_id == session_id}
    return any(
        event.type == "recipient.sent"
        and event.campaign_id in campaigns
        and event.recipient != attempt.recipient
        and event.position < denied.position
        and (event.facts.sent_at_ms or 0) < attempt.facts.at_ms
        for event in evidence.stored
    )
