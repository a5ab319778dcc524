"""Problems: each refusal is problem+json, made in one place, and says nothing about the inside."""

from types import SimpleNamespace

import pytest
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from webhook_gateway.batches import NotStoredError
from webhook_gateway.callbacks import UnreadableCallbackError
from webhook_gateway.problems import (
    EXCEPTION_HANDLERS,
    NotJsonError,
    RateExceededError,
    SlowBodyError,
    UnknownKeyError,
    problem,
)
from webhook_gateway.signatures import BadSignatureError

STATUS_OF = [
    (UnreadableCallbackError("$.a.b", "Expected `str`"), 400, {}),
    (UnknownKeyError(), 401, {"WWW-Authenticate": "Bearer"}),
    (BadSignatureError(), 401, {}),
    (SlowBodyError(), 408, {"Connection": "close"}),
    (NotFoundException("/secret/path"), 404, {}),
    (MethodNotAllowedException(headers={"Allow": "POST"}), 405, {"Allow": "POST"}),
    (RequestEntityTooLarge(), 413, {}),
    (NotJsonError(), 415, {"Accept-Post": "application/json"}),
    (RateExceededError(1.2), 429, {"Retry-After": "2"}),
    (RuntimeError("a secret from the inside"), 500, {}),
    (NotStoredError(), 503, {"Retry-After": "5"}),
]


@pytest.mark.parametrize(
    ("fault", "status", "headers"), STATUS_OF, ids=[type(fault).__name__ for fault, _, _ in STATUS_OF]
)
def test_each_refusal_is_one_problem_with_its_headers_and_nothing_of_the_inside(fault, status, headers):
    handler = next(EXCEPTION_HANDLERS[kind] for kind in type(fault).__mro__ if kind in EXCEPTION_HANDLERS)
    answer = handler(SimpleNamespace(scope={"path": "/x"}), fault)
    assert answer.status_code == answer.content.status == status
    assert answer.media_type == "application/problem+json"
    assert {name: answer.headers[name] for name in headers} == headers
    assert "secret" not in answer.content.detail


def test_a_field_at_fault_is_named_twice_by_its_path():
    answer = EXCEPTION_HANDLERS[UnreadableCallbackError](
        None, UnreadableCallbackError("$.a.b", "Expected `str`")
    )
    assert answer.content.field == "a.b"
    assert [error.path for error in answer.content.errors] == ["$.a.b"]


def test_a_status_without_words_of_its_own_has_its_usual_ones():
    assert problem(418).content.detail == "I'm a Teapot"
