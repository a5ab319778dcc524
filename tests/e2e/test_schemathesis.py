"""Requests that nobody thought of, made from the API's own OpenAPI document: none is answered with a fault.

A few for each route here; `SCHEMATHESIS_EXAMPLES=2000` for more, other ones each time.
"""

import asyncio
import itertools
import os
from contextlib import suppress
from typing import Any

from support.api import Api
from support.eventually import eventually
from support.system import System

SETTINGS = {"API_RATE_PER_S": "0", "LOG_LEVEL": "ERROR"}

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))
FEW = 3
METHODS = {"get", "post", "put", "patch", "delete"}
VPS_S_FAULT = {"VPS_UNREACHABLE", "WHATSAPP_NOT_CONNECTED"}
"""What a 502 or a 503 may be: the VPS's answer, not ours."""
CALL_SECONDS = 30


def fuzz(document: dict[str, Any], url: str, key: str) -> dict[str, int]:
    """Call every operation with requests that fit the document, and with such that do not; return how many."""
    from schemathesis import GenerationMode, openapi

    document = {name: part for name, part in document.items() if name != "security"}  # the key is always ours
    operations = [found.ok() for found in openapi.from_dict(document).get_all_operations()]
    return {
        operation.label: sum(fuzz_operation(operation, mode, url, key) for mode in GenerationMode)
        for operation in operations
    }


def fuzz_operation(operation: Any, mode: Any, url: str, key: str) -> int:
    """Call one operation; return how often. Where nothing can be made that does not fit, never."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Unsatisfiable

    calls = itertools.count()

    @settings(
        max_examples=EXAMPLES or FEW,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        answer = case.call(base_url=url, headers=headers, timeout=CALL_SECONDS)
        next(calls)
        assert_no_fault(operation.label, answer)

    with suppress(Unsatisfiable):
        answers()
    return next(calls)


def assert_no_fault(name: str, answer: Any) -> None:
    """Check that an answer is a success, or a problem that says what the caller can mend."""
    if answer.status_code < 400 or name.endswith(("/health/live", "/health/ready")):
        return
    told = f"{name}: {answer.status_code} {answer.text[:300]}"
    if not answer.content and answer.status_code in (400, 414, 431):
        return  # refused by the HTTP server itself, which could not read it as a request
    assert "".join(answer.headers.get("content-type", [])) == "application/problem+json", told
    assert answer.status_code < 500 or answer.json().get("code") in VPS_S_FAULT, told
    assert answer.status_code != 401, told


async def test_no_request_that_the_document_allows_or_forbids_is_a_fault(system: System) -> None:
    document = (await system.api.call("GET", "/schema/openapi.json")).json
    made = (await system.api.call("POST", "/api/keys", {"label": "fuzz"})).json
    calls = await asyncio.to_thread(fuzz, document, system.api.url, str(made["key"]))
    routes = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }
    assert {name for name, count in calls.items() if count} == routes

    async def alive() -> bool:
        answer = await Api(system.http, system.api.url, "").call("GET", "/health/live")
        assert answer.status == 200, answer
        return True

    await eventually(alive)
    assert "ERROR" not in system.dispatcher.log_path.read_text()
