"""Apply a batch of delivery reports: find the attempt of each, let it decide, park what nobody knows yet.

A report that makes a message id known brings back, in the same transaction, what was parked for that id.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import delivery
from contracts.delivery import Report
from dispatcher import parking, routing, translate
from dispatcher.domain.failure import GROUP_REFUSED
from dispatcher.handling import Cause, Handling
from dispatcher.projections import group_directory, lookups
from dispatcher.projections.rows import ReaderKey
from dispatcher.quarantine import contradictions
from dispatcher.quarantine.kept import keep
from dispatcher.routing import Ambiguous, Candidates, Match, MessageReport, Route
from dispatcher.store.stream_names import GroupKey, Key
from dispatcher.translate import MembershipReport, ReaderReport, reader_key


async def apply(connection: AsyncConnection, handling: Handling, reports: Sequence[Report]) -> None:
    """Let each report have its effect, in order; what has none yet is parked."""
    about_messages = [report for report in reports if isinstance(report, MessageReport)]
    await _load_sessions(connection, handling, reports)
    unmatched = await _settle(connection, handling, about_messages)
    for report in reports:
        if isinstance(report, delivery.SessionReported) and report.session_id:
            command = translate.session_command(report, handling.now_ms)
            handling.tell_session(report.session_id, command, _cause(report))
        elif not isinstance(report, MessageReport | MembershipReport):
            unmatched[report.id] = (report, parking.NO_PLACE_YET)
    members = [report for report in reports if isinstance(report, MembershipReport)]
    unmatched |= await _move_members(connection, handling, members)
    await parking.park(connection, unmatched.values(), handling.now_ms)


async def _move_members(
    connection: AsyncConnection, handling: Handling, reports: Sequence[MembershipReport]
) -> dict[str, parking.Parked]:
    """Let every session's view of a group follow its members; return the reports about groups that nobody knows."""
    found: dict[str, list[GroupKey]] = {}
    for row in await group_directory.load_by_jid(connection, {report.recipient for report in reports}):
        handling.changes.groups.setdefault(row.key, row)
        handling.looked_up.add(row.key)
        found.setdefault(row.group_jid, []).append(row.key)
    await handling.load(connection, session_ids={key.session_id for keys in found.values() for key in keys})
    for report in reports:
        for key in found.get(report.recipient, []):
            handling.tell_group(key, translate.membership_command(report, handling.now_ms), _cause(report))
    return {report.id: (report, parking.NO_PLACE_YET) for report in reports if report.recipient not in found}


async def bring_back(connection: AsyncConnection, handling: Handling) -> None:
    """Apply what was parked for the ids that this batch made known."""
    unmatched = await _settle(connection, handling, [])
    await parking.park(connection, unmatched.values(), handling.now_ms)


async def _settle(
    connection: AsyncConnection, handling: Handling, reports: Sequence[MessageReport]
) -> dict[str, parking.Parked]:
    """Apply reports until nothing more comes to light; return those left over, by their identity."""
    unmatched: dict[str, parking.Parked] = {}
    released: set[str] = set()
    todo = list(reports)
    while True:
        for report, reason in await _apply_once(connection, handling, todo):
            first, _ = unmatched.setdefault(report.id, (report, reason))
            if contradictions.differ(first, report):
                await keep(connection, contradictions.kept_of([report], handling.now_ms))
        known = (handling.changes.message_ids.keys() | handling.changes.attempts.keys()) - released
        if not known:
            return unmatched
        released |= known
        todo = [
            report
            for report, _ in unmatched.values()
            if isinstance(report, MessageReport) and _names(report, known)
        ]
        for report in todo:
            del unmatched[report.id]
        todo += await parking.release(connection, known)
        if not todo:
            return unmatched


def _names(report: MessageReport, known: set[str]) -> bool:
    return report.message_id in known or report.client_ref in known


async def _apply_once(
    connection: AsyncConnection, handling: Handling, reports: Sequence[MessageReport]
) -> list[parking.Parked]:
    if not reports:
        return []
    candidates = await routing.find(connection, reports, handling.changes)
    await handling.load(connection, campaign_ids={campaign_id for campaign_id, _ in candidates.keys})
    looked_up = await _load_readers(connection, handling, reports, candidates)
    looked_up |= await _load_affected(connection, handling, reports, candidates)
    left: list[parking.Parked] = []
    denying: list[Report] = []
    for report in reports:
        match _route(handling, report, candidates):
            case Match(key) as match if _looked_up(report, key, looked_up):
                candidates.by_report[report.id] = match
                if _tell(handling, report, match, candidates):
                    denying.append(report)
            case Ambiguous():
                left.append((report, parking.AMBIGUOUS))
            case _:
                left.append((report, parking.NOT_YET_KNOWN))
    await keep(connection, contradictions.kept_of(denying, handling.now_ms))
    return left


def _route(handling: Handling, report: MessageReport, candidates: Candidates) -> Route:
    return routing.route(report, candidates, handling.changes, handling.rules.skew_ms)


def _looked_up(report: MessageReport, key: Key, looked_up: set[ReaderKey | Key]) -> bool:
    """Tell whether all is loaded that a report may change beside its recipient."""
    if isinstance(report, ReaderReport):
        return reader_key(report, key) in looked_up
    return not isinstance(report, delivery.MessageErrored) or key in looked_up


def _tell(handling: Handling, report: MessageReport, match: Match, candidates: Candidates) -> bool:
    """Let a recipient decide; return whether the report contradicts what the same one has told before. An id that is
    another recipient's already (a look-up took it for that one's) stays that one's: an id is one message's.
    """
    sent = isinstance(report, delivery.MessageSent) and report.message_id
    if sent and routing.is_anothers(sent, match, candidates, handling.changes):
        report = msgspec.structs.replace(report, message_id=None)
    attempt = handling.changes.recipients[match.key].state.attempt(match.attempt)
    if isinstance(report, ReaderReport):
        known = handling.changes.readers.get(reader_key(report, match.key))
        command = translate.reader_command(report, match.attempt, known, attempt, handling.now_ms)
    else:
        command = translate.send_command(report, match, handling.now_ms)
    if command is None:
        return False
    handling.tell_recipient(match.key, command, _cause(report))
    return contradictions.contradicts(command, attempt)


def _cause(report: Report) -> Cause:
    return Cause(report.correlation, report.id)


async def _load_readers(
    connection: AsyncConnection, handling: Handling, reports: Iterable[MessageReport], candidates: Candidates
) -> set[ReaderKey | Key]:
    """Load what is known of the readers of this batch; return whose that is. A reader of a message that only this
    batch makes known is none of them: its report comes again in the next round.
    """
    keys = {
        reader_key(report, match.key)
        for report in reports
        if isinstance(report, ReaderReport)
        and isinstance(match := _route(handling, report, candidates), Match)
    }
    for row in await lookups.load_readers(connection, keys - handling.changes.readers.keys()):
        handling.changes.readers[row.key] = row
    return set(keys)


async def _load_affected(
    connection: AsyncConnection, handling: Handling, reports: Iterable[MessageReport], candidates: Candidates
) -> set[ReaderKey | Key]:
    """Load what this batch's error acks may put to rest, stop or mark: the sessions that their messages went through,
    and the groups that refuse them; return which recipients those are. As with readers, a message that only this batch
    makes known is none of them.
    """
    errors = [
        (report, match, handling.session_of(match.key, match.attempt))
        for report in reports
        if isinstance(report, delivery.MessageErrored)
        and isinstance(match := _route(handling, report, candidates), Match)
    ]
    groups = [
        GroupKey(session_id, match.key[1])
        for report, match, session_id in errors
        if report.error_code == GROUP_REFUSED and match.key[1].endswith("@g.us")
    ]
    session_ids = {session_id for _, _, session_id in errors}
    await handling.load(connection, session_ids=session_ids, group_keys=groups)
    return {match.key for _, match, _ in errors}


async def _load_sessions(connection: AsyncConnection, handling: Handling, reports: Iterable[Report]) -> None:
    """Load the sessions that report their own state."""
    told = delivery.SessionReported
    ids = {report.session_id for report in reports if isinstance(report, told) and report.session_id}
    await handling.load(connection, session_ids=ids)
