"""The published language meets ours: delivery reports become commands, recorded events become published ones."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from contracts import delivery
from dispatcher.domain import group
from dispatcher.domain import recipient_commands as command
from dispatcher.domain import session_decider as session
from dispatcher.domain.attempt import Attempt
from dispatcher.projections.rows import ReaderKey, ReaderRow
from dispatcher.routing import Match
from dispatcher.store.stream_names import Key

SendReport = delivery.MessageSent | delivery.MessageFailed | delivery.MessageErrored
ReaderReport = (
    delivery.MessageDelivered | delivery.MessageRead | delivery.ReactionAdded | delivery.ReactionRemoved
)
"""The reports that count once per reader."""

MembershipReport = delivery.MemberJoined | delivery.MemberLeft
"""The reports about the members of a group; every session that sits in it tells the same."""

EPOCH = datetime.fromtimestamp(0, UTC)
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def to_ms(at: datetime) -> int:
    """Return a time as epoch milliseconds."""
    return round(at.timestamp() * 1000)


def to_time(at_ms: int) -> datetime:
    """Return epoch milliseconds as a time in UTC; before the year 1 or after 9999 the first or last one."""
    try:
        return EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return LATEST if at_ms > 0 else EARLIEST


def send_command(report: SendReport, match: Match, now_ms: int) -> command.Command:
    """Return what a report about a send tells its recipient."""
    at_ms = to_ms(report.at)
    match report:
        case delivery.MessageSent():
            return command.RecordSent(now_ms, match.attempt, at_ms, report.message_id, "callback")
        case delivery.MessageFailed():
            return command.RecordFailed(now_ms, match.attempt, at_ms, report.error, "callback", report.error)
        case delivery.MessageErrored():
            return command.RecordErrorAck(
                now_ms, match.attempt, at_ms, report.error_code, report.error_message
            )


def reader_key(report: ReaderReport, key: Key) -> ReaderKey:
    """Return what makes a reader's report count once."""
    match report:
        case delivery.MessageDelivered():
            return *key, "delivered", report.reader
        case delivery.MessageRead():
            return *key, "read", report.reader
        case _:
            return *key, "reaction", report.reactor


def reader_command(
    report: ReaderReport, number: int, known: ReaderRow | None, attempt: Attempt | None, now_ms: int
) -> command.Command | None:
    """Return what a reader's report adds to what is known of that reader, and of attempt `number`; None for nothing."""
    match report:
        case delivery.MessageDelivered(reader=reader):
            seen_before = attempt.delivered_at_ms if attempt else None
            return _receipt(report, "delivered", reader, number, known, seen_before, now_ms)
        case delivery.MessageRead(reader=reader):
            seen_before = attempt.read_at_ms if attempt else None
            return _receipt(report, "read", reader, number, known, seen_before, now_ms)
        case _:
            return _reaction(report, number, known, now_ms)


def _receipt(
    report: ReaderReport,
    kind: Literal["delivered", "read"],
    reader: str,
    number: int,
    known: ReaderRow | None,
    seen_before_ms: int | None,
    now_ms: int,
) -> command.Command | None:
    """Count a reader once; of several times the first stands."""
    at_ms = to_ms(report.at)
    if known is None:
        return command.RecordReceipt(now_ms, number, at_ms, kind, reader)
    if seen_before_ms is not None and at_ms >= max(seen_before_ms, known.seen_at_ms):
        return None
    return command.RecordReceipt(now_ms, number, at_ms, kind, reader, 0)


def _reaction(
    report: delivery.ReactionAdded | delivery.ReactionRemoved,
    number: int,
    known: ReaderRow | None,
    now_ms: int,
) -> command.Command | None:
    """Let the latest of several reactions by one reader stand, whatever the order of arrival."""
    at_ms, present = to_ms(report.at), isinstance(report, delivery.ReactionAdded)
    if known is not None and (known.seen_at_ms, known.present) >= (at_ms, present):
        return None
    difference = _difference(known is not None and known.present, present)
    return command.RecordReaction(now_ms, number, at_ms, report.reactor, present, difference, report.emoji)


def _difference(was_present: bool, present: bool) -> command.Difference:
    if was_present == present:
        return 0
    return 1 if present else -1


def membership_command(report: MembershipReport, now_ms: int) -> group.Move:
    """Return what somebody's coming or going tells a group."""
    present = isinstance(report, delivery.MemberJoined)
    return group.Move(now_ms, report.participant, present, to_ms(report.at))


def session_command(report: delivery.SessionReported, now_ms: int) -> session.Command:
    """Return what the VPS tells of a session. Where it gave no time that can be read, `at` is the time of receipt."""
    has_time = report.raw_timestamp is not None and report.at != report.time
    told_at_ms = to_ms(report.at) if has_time else None
    return session.Report(now_ms, report.status, report.phone_number, told_at_ms)
