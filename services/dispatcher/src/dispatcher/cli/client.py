"""A client of the API on the standard library, which loads at once. Answers are bytes; failures carry exit codes."""

import http.client
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from dispatcher.cli.exits import Exit, Failure, NoAnswer
from dispatcher.cli.place import Place
from dispatcher.decoding import UNREADABLE

TIMEOUT_SECONDS = 30.0
SHOWN_INVALID = 10
"""So many invalid recipients are named in a failure."""

EXITS = {
    400: Exit.USAGE,
    404: Exit.NOT_FOUND,
    409: Exit.REFUSED,
    413: Exit.USAGE,
    415: Exit.USAGE,
    422: Exit.USAGE,
}
"""What a status means for the exit code; any other failure is FAILED."""

REFUSING_CODES = frozenset({"WHATSAPP_NOT_CONNECTED"})
"""Problems that are a matter of state, whatever their HTTP status."""


class LeftOut(msgspec.Struct, frozen=True):
    """A recipient that cannot be sent to; `index` is its place in the request, from 0, `line` that in its file."""

    index: int
    reason: str
    line: int | None = None
    field: str | None = None

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"recipient {self.index}" if self.line is None else f"line {self.line}"

    @property
    def words(self) -> str:
        """Why it cannot be sent to."""
        return self.reason if self.field is None else f"{self.reason} {self.field}"


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    title: str = ""
    code: str | None = None
    field: str | None = None
    invalid_recipients: list[LeftOut] = []


class Client:
    """Calls one API with one key; each call is a connection of its own."""

    def __init__(self, place: Place, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._place = place
        self._timeout = timeout_seconds

    def get(self, path: str, **query: object) -> bytes:
        """Read. A query value of None is left out."""
        return self._call("GET", path, query)

    def post(self, path: str, body: object = None, **query: object) -> bytes:
        """Ask for something to be done; `body` becomes JSON."""
        return self._call("POST", path, query, msgspec.json.encode({} if body is None else body))

    def put(self, path: str, body: object) -> bytes:
        """Set something; `body` becomes JSON."""
        return self._call("PUT", path, {}, msgspec.json.encode(body))

    def upload(self, path: str, pieces: Iterable[bytes], content_type: str) -> bytes:
        """Post a body piece by piece, so that it never stands in memory as a whole."""
        return self._call("POST", path, {}, pieces, content_type)

    def patient(self, timeout_seconds: float) -> "Client":
        """Return a client of the same API that waits for so long."""
        return Client(self._place, timeout_seconds)

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, Any],
        body: bytes | Iterable[bytes] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        where = urlsplit(self._place.url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=self._timeout)
        headers = {
            "Authorization": f"Bearer {self._place.key}",
            "Accept": "application/json",
            "Content-Type": content_type,
        }
        try:
            _ask(connection, method, where.path + path + _query(query), body, headers)
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"no answer from {self._place.url}: {_reason(error)}") from None
        finally:
            connection.close()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise failure_of(answer.status, raw)
        return raw


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None,
    headers: dict[str, str],
) -> None:
    try:
        connection.request(method, path, body=body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        if connection.sock is None:
            raise
        # A body may be refused before it is through; the answer that says why is there to be read.


def path_of(*parts: object) -> str:
    """Return the path of something in the API, its parts escaped."""
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


def failure_of(status: int, raw: bytes) -> Failure:
    """Return the failure that an answer means; what is not a problem document is told by its status."""
    try:
        problem = msgspec.json.decode(raw, type=_Problem)
    except UNREADABLE:
        return Failure(f"HTTP {status}: {http.client.responses.get(status, 'not an answer of this API')}")
    code = Exit.REFUSED if problem.code in REFUSING_CODES else EXITS.get(status, Exit.FAILED)
    return Failure(_words(problem, status), code, raw)


def _words(problem: _Problem, status: int) -> str:
    words = problem.detail or problem.title or f"HTTP {status}"
    marks = [mark for mark in (problem.code, problem.field and f"field {problem.field}") if mark]
    first = f"{words} ({', '.join(marks)})" if marks else words
    invalid = [f"  {one.place}: {one.words}" for one in problem.invalid_recipients]
    rest = len(invalid) - SHOWN_INVALID
    return "\n".join([first, *invalid[:SHOWN_INVALID], *([f"  and {rest} more"] if rest > 0 else [])])


def _query(query: dict[str, Any]) -> str:
    given = {name: _text(value) for name, value in query.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
