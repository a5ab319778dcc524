"""Whose attempt a delivery report is about: by client reference, by message id, or by what is open. Never by guess."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import delivery
from dispatcher.domain.clocks import latest_ms
from dispatcher.projections import recipient_status
from dispatcher.projections.changes import Changes
from dispatcher.store.postgres import as_rows
from dispatcher.store.stream_names import Key

MessageReport = (
    delivery.MessageSent
    | delivery.MessageFailed
    | delivery.MessageErrored
    | delivery.MessageDelivered
    | delivery.MessageRead
    | delivery.ReactionAdded
    | delivery.ReactionRemoved
)
"""The reports that are about one message."""


class Match(msgspec.Struct, frozen=True):
    """An attempt: number `attempt` of a recipient."""

    key: Key
    attempt: int


class NotYetKnown(msgspec.Struct, frozen=True):
    """No attempt fits; one may come to light later."""


class Ambiguous(msgspec.Struct, frozen=True):
    """More than one attempt fits."""


Route = Match | NotYetKnown | Ambiguous


class Candidates(msgspec.Struct, frozen=True):
    """The attempts that the reports of a batch may be about, by each way of finding them."""

    by_reference: dict[str, Match] = {}
    by_message_id: dict[str, Match] = {}
    by_recipient: dict[tuple[str, str], list[Match]] = {}
    by_report: dict[str, Match] = {}
    """What reports without a name of their own were about when they came before."""

    @property
    def keys(self) -> set[Key]:
        """All recipients that may be meant."""
        single = [*self.by_reference.values(), *self.by_message_id.values(), *self.by_report.values()]
        return {
            match.key for match in (*single, *(m for matches in self.by_recipient.values() for m in matches))
        }


def jid_of(address: str) -> str:
    """Return the JID of an address that may be one already, or a person's number with or without a plus."""
    address = address.strip()
    return address if "@" in address else f"{address.lstrip('+')}@s.whatsapp.net"


def route(report: MessageReport, candidates: Candidates, changes: Changes, skew_ms: int) -> Route:
    """Find the one attempt that a report is about: the VPS contract's order of rules.

    The last rule serves send callbacks alone, and only where the VPS does not echo our reference: an error ack or a
    receipt always names a message, and waits until that message is known. An attempt that began after the report's time
    is not meant: it may be open where an earlier one was. `skew_ms` is how far the VPS's clock may be from ours. What
    comes again is about what it was about before, whatever is open now. A failure of an attempt that was not taken, and
    whose number another one has now, is about none: it must not fail that one. What tells that it left all the same
    counts for its recipient.
    """
    is_failure = isinstance(report, delivery.MessageFailed | delivery.MessageErrored)
    if report.client_ref and (match := _by_reference(report.client_ref, candidates, changes)):
        return NotYetKnown() if is_failure and not _has_id(match, report.client_ref, changes) else match
    if report.message_id and (match := _by_message_id(report.message_id, candidates, changes)):
        return NotYetKnown() if is_failure and not _had_id(match, report.message_id, changes) else match
    place = _place(report)
    if place and (before := candidates.by_report.get(report.id)):
        return before
    here = candidates.by_recipient.get(place, []) if place else []
    said_ms = latest_ms(round(report.at.timestamp() * 1000), skew_ms)
    open_here = [match for match in here if _open(match, changes, said_ms)]
    if len(open_here) > 1:
        return Ambiguous()
    return open_here[0] if open_here else NotYetKnown()


def is_anothers(message_id: str, match: Match, candidates: Candidates, changes: Changes) -> bool:
    """Tell whether a message id is known to be that of another recipient's message."""
    owner = _by_message_id(message_id, candidates, changes)
    return owner is not None and owner.key != match.key


def _by_reference(reference: str, candidates: Candidates, changes: Changes) -> Match | None:
    fresh = changes.attempts.get(reference)
    if fresh:
        return Match((fresh.campaign_id, fresh.recipient), fresh.number)
    return candidates.by_reference.get(reference)


def _by_message_id(message_id: str, candidates: Candidates, changes: Changes) -> Match | None:
    fresh = changes.message_ids.get(message_id)
    if fresh:
        return Match((fresh.campaign_id, fresh.recipient), fresh.attempt)
    return candidates.by_message_id.get(message_id)


def _has_id(match: Match, reference: str, changes: Changes) -> bool:
    """Tell whether an attempt by this reference is still among those of its recipient."""
    return any(attempt.id == reference for attempt in changes.recipients[match.key].state.attempts)


def _had_id(match: Match, message_id: str, changes: Changes) -> bool:
    """Tell whether an attempt may have had a message id: until it is sent it has the one that it began with."""
    attempt = changes.recipients[match.key].state.attempt(match.attempt)
    return attempt is None or attempt.sent_at_ms is not None or attempt.message_id == message_id


def _open(match: Match, changes: Changes, said_ms: int) -> bool:
    """Tell whether an attempt is open that had begun by then."""
    state = changes.recipients[match.key].state
    attempt = state.attempt(match.attempt)
    return attempt is not None and attempt.open and state.begun_at_ms(attempt) <= said_ms


_FIND = text(f"""
    WITH found AS (
        SELECT 0 AS how, a.attempt_id::text AS name, '' AS place, a.campaign_id, a.recipient, a.number
        FROM attempts a WHERE a.attempt_id = ANY(CAST(:refs AS uuid[]))
        UNION ALL
        SELECT 1, m.message_id, '', m.campaign_id, m.recipient, m.attempt
        FROM message_ids m WHERE m.message_id = ANY(CAST(:ids AS text[]))
        UNION ALL
        SELECT DISTINCT 2, o.session_id, o.recipient, o.campaign_id, o.recipient, o.number
        FROM json_array_elements(CAST(:rows AS json)) AS k(place)
        JOIN open_attempts o ON o.session_id = k.place->>0 AND o.recipient = k.place->>1
        WHERE NOT EXISTS (SELECT 1 FROM message_ids m WHERE m.message_id = k.place->>2)
        UNION ALL
        SELECT 3, e.causation, '', substring(e.stream FROM 11 FOR 36)::uuid, substring(e.stream FROM 48),
               (e.data->>'attempt')::integer
        FROM events e WHERE e.type = 'recipient.failed' AND e.causation = ANY(CAST(:reports AS text[]))
    )
    SELECT how, name, place, number, {recipient_status.COLUMNS}
    FROM found JOIN recipient_status r USING (campaign_id, recipient)
""")  # noqa: S608  # the inserted text is a constant
"""`how` is 0 for references, 1 for message ids, 2 for what is open at a place (asked where the id is not known), 3 for
reports that came before: only failures name no message. Their events know what caused them; the stream is
`recipient-<campaign>+<jid>`.
"""


async def find(connection: AsyncConnection, reports: Sequence[MessageReport], changes: Changes) -> Candidates:
    """Return every attempt that these reports may be about, by one statement; their recipients' rows are loaded
    into `changes` unless they are there already.
    """
    parameters = {
        "refs": list({ref for report in reports if (ref := _as_uuid(report.client_ref))}),
        "ids": list({report.message_id for report in reports if report.message_id}),
        "reports": [
            report.id for report in reports if isinstance(report, delivery.MessageFailed) and _place(report)
        ],
        **as_rows(list({(*place, report.message_id) for report in reports if (place := _place(report))})),
    }
    found = Candidates({}, {}, {}, {})
    for how, name, place, number, *row in await connection.execute(_FIND, parameters):
        match = Match((row[0], row[1]), number)
        if match.key not in changes.recipients:
            changes.recipients[match.key] = recipient_status.read(row)
        if how == 0:
            found.by_reference[name] = match
        elif how == 1:
            found.by_message_id[name] = match
        elif how == 3:
            found.by_report[name] = match
        else:
            found.by_recipient.setdefault((name, place), []).append(match)
    return found


def _place(report: MessageReport) -> tuple[str, str] | None:
    """Return where a report's attempt may be open, if that may tell whose it is."""
    if report.client_ref or not isinstance(report, delivery.MessageSent | delivery.MessageFailed):
        return None
    return report.session_id or "", jid_of(report.recipient)


def _as_uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(reference) if reference else None
    except ValueError:
        return None
