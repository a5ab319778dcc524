"""Answers: what `/send` puts on the wire for each kind of answer. A lost answer and a reset put nothing."""

import msgspec

from local_stack.simulator.knobs import Knobs
from local_stack.simulator.outcomes import AnswerKind, Fate, Plan

JSON = "application/json"
BAD_GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer as it leaves the VPS."""

    status: int
    body: bytes
    content_type: str = JSON
    retry_after_s: int | None = None


ACCEPTED = Answer(200, b'{"success":true,"accepted":true}')
BAD_GATEWAY = Answer(502, BAD_GATEWAY_PAGE, "text/html")
GARBAGE = Answer(200, b'\x00\x1f{"success":tr')
NOT_CONNECTED = Answer(503, b'{"error":"Session not connected"}')
UNAUTHORIZED = Answer(401, b'{"error":"Unauthorized"}')

FIXED = {
    AnswerKind.ACCEPT: ACCEPTED,
    AnswerKind.REFUSE_401: UNAUTHORIZED,
    AnswerKind.REFUSE_503: NOT_CONNECTED,
    AnswerKind.PROXY_502_BEFORE: BAD_GATEWAY,
    AnswerKind.PROXY_502_AFTER: BAD_GATEWAY,
    AnswerKind.UNREADABLE: GARBAGE,
}
"""The answers that are always the same. A lost answer and a reset are in no table: they put nothing."""


def answer_of(plan: Plan, knobs: Knobs, message_id: str) -> Answer | None:
    """Return the answer of a plan, None when the client shall never see one."""
    if plan.answer is AnswerKind.SYNCHRONOUS:
        return _synchronous(plan, knobs, message_id)
    return FIXED.get(plan.answer) or _worded(plan.answer, knobs)


def regular_answer(plan: Plan, knobs: Knobs, message_id: str) -> Answer:
    """Return what a repeat with the same Idempotency-Key hears: what should have come the first time."""
    return _synchronous(plan, knobs, message_id) if knobs.synchronous else ACCEPTED


def _synchronous(plan: Plan, knobs: Knobs, message_id: str) -> Answer:
    if plan.fate is Fate.FAILED:
        return Answer(200, _json(success=False, error=knobs.fail_error))
    return Answer(200, _json(success=True, messageId=message_id))


def _worded(kind: AnswerKind, knobs: Knobs) -> Answer | None:
    match kind:
        case AnswerKind.REFUSE_400:
            return Answer(400, _json(error=knobs.reject_error))
        case AnswerKind.REJECT:
            return Answer(200, _json(success=False, error=knobs.reject_error))
        case AnswerKind.REFUSE_429:
            return Answer(429, b'{"error":"Too many requests"}', retry_after_s=knobs.retry_after_s)
        case _:
            return None


def _json(**fields: str | bool) -> bytes:
    return msgspec.json.encode(fields)
