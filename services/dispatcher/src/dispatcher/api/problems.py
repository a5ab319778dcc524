"""Everything that is not a success, as RFC 9457 problem+json, made in this one place."""

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from dispatcher.store.outage import is_outage

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"


class InvalidRecipient(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recipient that was left out; `index` is its place in the request, from 0, `line` its line in a file, from 1.
    `field` is what it lacks.
    """

    index: int
    reason: str
    line: int | None = None
    field: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. `code` is a stable word for programs; `field` names what to mend."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    code: str | None = None
    field: str | None = None
    invalid_recipients: list[InvalidRecipient] = []


class Refusal(Exception):
    """A request that cannot be carried out, as the problem that says why."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        field: str | None = None,
        invalid_recipients: list[InvalidRecipient] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        title = HTTPStatus(status).phrase
        self.problem = Problem(
            title, status, detail, code=code, field=field, invalid_recipients=invalid_recipients or []
        )


def not_found(what: str) -> Refusal:
    """Return the refusal for something that does not exist, or belongs to somebody else."""
    return Refusal(404, f"there is no such {what}", code="NOT_FOUND")


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=PROBLEM_JSON, headers=headers)


def _on_refusal(_: Request[Any, Any, Any], refusal: Refusal) -> Response[Problem]:
    return _answer(refusal.problem, refusal.headers)


def _on_invalid(_: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    """Answer for a request that does not fit its type."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else None
    message, key = (
        (str(first.get("message", "")), str(first.get("key", ""))) if isinstance(first, dict) else ("", "")
    )
    return _answer(invalid(message or error.detail, key))


def invalid(message: str, key: str) -> Problem:
    """Return the problem for a validation error: Litestar's `key` is the parameter (`data` for the body), and
    msgspec's `message` names the path in it, and a field that is missing or unknown.
    """
    path = re.search(r" - at `\$\.?([^`]*)`", message)
    named = re.search(r"(?:missing required|unknown) field `([^`]*)`", message)
    place = path[1] if path else "" if key == "data" else key
    parts = [place, named[1] if named else ""]
    field = ".".join(dict.fromkeys(part for part in parts if part)) or None
    detail = re.sub(r" - at `\$[^`]*`", "", message)
    return Problem("Bad Request", 400, detail, code="INVALID_REQUEST", field=field)


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _on_fault(request, error)
    title = HTTPStatus(error.status_code).phrase
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _answer(not_found("address, or an id in it is none").problem, error.headers)
    return _answer(Problem(title, error.status_code, str(error.detail) or title), error.headers)


RETRY_AFTER_SECONDS = 5
"""When a caller may come again while the database is away, or a rebuild makes all writers wait."""


def _on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    if is_outage(error):
        log.warning("path=%s not answered: the database is away: %r", request.scope["path"], error)
        detail = "the database is away, or busy with a rebuild; come again"
        unavailable = Problem("Service Unavailable", 503, detail, code="STORE_UNAVAILABLE")
        return _answer(unavailable, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    log.error("path=%s not answered", request.scope["path"], exc_info=error)
    return _answer(Problem("Internal Server Error", 500, "something went wrong here; it was logged"))


HANDLERS: ExceptionHandlersMap = {
    Refusal: _on_refusal,
    ValidationException: _on_invalid,
    HTTPException: _on_http,
    Exception: _on_fault,
}
