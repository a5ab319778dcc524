"""Problems: every answer that is not a success, as RFC 9457 problem+json, made here and nowhere else."""

import logging
import math
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from webhook_gateway.batches import NotStoredError
from webhook_gateway.callbacks import UnreadableCallbackError
from webhook_gateway.signatures import BadSignatureError

log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = 5
"""How long a sender should wait when nothing durable could be written."""

DETAILS = {
    400: "The request cannot be read.",
    401: "A valid key is needed, in X-API-Key or as Authorization: Bearer.",
    404: "There is nothing at this path.",
    405: "This path does not take that method.",
    408: "The body did not come in time.",
    413: "The body is over the limit.",
    415: "The body must be application/json.",
    429: "Too many requests for this key.",
    500: "Something went wrong here. The callback may be sent again.",
    503: "The callback could not be stored durably. Send it again.",
}


UNSIGNED = "The signature is missing, wrong, or too old (webhook-id, webhook-timestamp, webhook-signature)."


class FieldFault(msgspec.Struct, frozen=True):
    """One field at fault: its JSON path, and what is wrong with it."""

    path: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `field` and `errors` name the fields at fault."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    field: str | None = None
    errors: tuple[FieldFault, ...] = ()


class UnknownKeyError(Exception):
    """No key, or a wrong one."""


class NotJsonError(Exception):
    """The content type is not JSON."""


class SlowBodyError(Exception):
    """The body did not come in time."""


class RateExceededError(Exception):
    """The key is over its rate. `wait` is seconds until it may come again."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


def problem(
    status: int,
    headers: dict[str, str] | None = None,
    fault: FieldFault | None = None,
    detail: str | None = None,
) -> Response[Problem]:
    """Return the answer for a status; `fault` names the field for a 400, `detail` says more than the status does."""
    usual = detail or DETAILS.get(status, HTTPStatus(status).phrase)
    content = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=f"{fault.path}: {fault.detail}" if fault else usual,
        field=fault.path.removeprefix("$.") if fault else None,
        errors=(fault,) if fault else (),
    )
    return Response(content, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def _on_http_exception(_: AnyRequest, fault: HTTPException) -> Response[Problem]:
    """Answer for what Litestar itself refuses (404, 405, 413); its headers, as Allow, are kept."""
    return problem(fault.status_code, headers=fault.headers)


def _on_key_unknown(_: AnyRequest, __: UnknownKeyError) -> Response[Problem]:
    return problem(401, headers={"WWW-Authenticate": "Bearer"})


def _on_bad_signature(_: AnyRequest, __: BadSignatureError) -> Response[Problem]:
    return problem(401, detail=UNSIGNED)


def _on_slow_body(_: AnyRequest, __: SlowBodyError) -> Response[Problem]:
    return problem(408, headers={"Connection": "close"})


def _on_body_not_json(_: AnyRequest, __: NotJsonError) -> Response[Problem]:
    return problem(415, headers={"Accept-Post": "application/json"})


def _on_too_many_requests(_: AnyRequest, fault: RateExceededError) -> Response[Problem]:
    return problem(429, headers={"Retry-After": str(max(1, math.ceil(fault.wait)))})


def _on_unreadable(_: AnyRequest, fault: UnreadableCallbackError) -> Response[Problem]:
    return problem(400, fault=FieldFault(fault.path, fault.reason))


def _on_not_stored(_: AnyRequest, __: NotStoredError) -> Response[Problem]:
    return problem(503, headers={"Retry-After": str(RETRY_SECONDS)})


def _on_fault(request: AnyRequest, fault: Exception) -> Response[Problem]:
    log.error("fault while answering", exc_info=fault, extra={"path": request.scope["path"]})
    return problem(500)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    HTTPException: _on_http_exception,
    UnknownKeyError: _on_key_unknown,
    BadSignatureError: _on_bad_signature,
    SlowBodyError: _on_slow_body,
    NotJsonError: _on_body_not_json,
    RateExceededError: _on_too_many_requests,
    UnreadableCallbackError: _on_unreadable,
    NotStoredError: _on_not_stored,
    Exception: _on_fault,
}
