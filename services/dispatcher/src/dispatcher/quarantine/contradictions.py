"""Two reports of one identity that say different things. The first stands; the second is kept, and never applied by
its place in the queue alone.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from contracts import delivery, subjects
from contracts.delivery import Report
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.recipient_commands import Command, RecordErrorAck, RecordFailed
from dispatcher.quarantine.kept import Kept, Kind

_NEVER = datetime.fromtimestamp(0, UTC)
_OF_ATTEMPTS = (delivery.MessageSent, delivery.MessageFailed)

_encode = msgspec.json.Encoder().encode


def differ(one: Report, other: Report) -> bool:
    """Tell whether two reports of one identity say different things."""
    return _said(one) != _said(other)


def contradicts(command: Command, attempt: Attempt | None) -> bool:
    """Tell whether a report denies what one of the same identity has told of its attempt: an error ack is known by
    message and code, a failure by attempt and time. Everything else that a send callback says is its identity.
    """
    if attempt is None:
        return False
    match command:
        case RecordErrorAck(_, _, _, code, message):
            known = attempt.refusal
            return known is not None and known.code == code and known.vps_error != message
        case RecordFailed(_, _, at_ms, _, "callback", vps_error):
            known = attempt.failure
            same = known is not None and (known.source, known.at_ms) == ("callback", at_ms)
            return known is not None and same and known.vps_error != vps_error
        case _:
            return False


def kept_of(reports: Iterable[Report], now_ms: int) -> list[Kept]:
    """Return how reports are kept that contradict an earlier one."""
    return [
        Kept(
            f"cf-{blake2b(report.id.encode() + _said(report), digest_size=16).hexdigest()}",
            report.tenant,
            Kind.CONFLICT,
            subjects.of_delivery(report),
            f"differs from {report.id}, which was applied or parked before",
            _encode(report),
            now_ms,
            report.id,
        )
        for report in reports
    ]


def _said(report: Report) -> bytes:
    """Return what reports of one identity must share. Each session that sits in a group reports with its own session,
    time and reference; the reference of a send callback names the attempt.
    """
    reference = report.client_ref if isinstance(report, _OF_ATTEMPTS) else None
    return _encode(
        msgspec.structs.replace(
            report,
            time=_NEVER,
            at=_NEVER,
            session_id=None,
            raw_timestamp=None,
            client_ref=reference,
            correlation="",
            causation=None,
        )
    )
