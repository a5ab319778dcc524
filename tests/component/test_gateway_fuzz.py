"""Anything may be posted to the gateway: it answers, and never with a fault of its own.

`FUZZ_BODIES` is how many mutated bodies Hypothesis posts, from `FUZZ_SEED` on; the default is short. It prints what the
memory did (`pytest -s`).
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from contracts.streams import DEAD, DELIVERIES
from support.gateway import KEY, Gateway, make_stream, running_gateway
from webhook_gateway.callbacks import HOOKS
from webhook_gateway.openapi import EXAMPLES

BODIES = int(os.environ.get("FUZZ_BODIES", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "4"))
AT_ONCE = 20
GROWTH = 1.25
"""The memory after the second half against that after the first: the ids that are remembered need some."""
ANSWERS = {202, 400, 413}

ODD_VALUES = [
    None, True, False, 0, -1, 1.5, 1e308, 2**63, 10**40, "", " ", "\x00", "\ud83d", "🙂" * 50, "x" * 300, "NaN", [], {},
    [[]], {"": {}}, "9" * 400, "1970-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "message_sent",
]  # fmt: skip
ODD_BYTES = [
    b"",
    b"\x00",
    b"\xff",
    b"\\ud800",
    b'"',
    b"{",
    b"}",
    b"[" * 2000,
    b",",
    b":",
    b"1e999",
    b"-",
    b"\xef\xbb\xbf",
]


@pytest_asyncio.fixture(scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, nats_url: str) -> AsyncIterator[Gateway]:
    for stream in (DELIVERIES, DEAD):
        await make_stream(nats_url, stream)
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with running_gateway(folder, nats_url) as running:
        yield running


Callback = tuple[str, bytes]

SAMPLES = [
    (hook.name, EXAMPLES[hook.name] | ({"event": word} if word else {}))
    for hook in HOOKS
    for word in sorted(hook.events) or [""]
]
GONE = object()
ODD = st.sampled_from([*ODD_VALUES, GONE]) | st.text(max_size=40) | st.integers() | st.floats()
CUTS = st.tuples(st.integers(0, 400), st.integers(0, 5), st.sampled_from(ODD_BYTES) | st.binary(max_size=8))


@st.composite
def mutated(draw: st.DrawFn) -> Callback:
    """Give a sample with some fields, and some bytes, made odd."""
    hook, sample = draw(st.sampled_from(SAMPLES))
    names = st.sampled_from([*sample, "extra", "clientRef", "timestamp"])
    body = sample | draw(st.dictionaries(names, ODD, max_size=3))
    raw = bytearray(json.dumps({name: value for name, value in body.items() if value is not GONE}).encode())
    for place, length, odd in draw(st.lists(CUTS, max_size=3)):
        at = min(place, len(raw))
        raw[at : at + length] = odd
    return hook, bytes(raw)


async def test_no_mutated_body_is_a_fault_and_memory_does_not_grow(gateway: Gateway):
    memory, loop = psutil.Process(gateway.child.pid).memory_info, asyncio.get_running_loop()
    answers: Counter[int] = Counter()
    sizes = []
    for half in (SEED, SEED + 1):
        await asyncio.to_thread(post_mutated, gateway, half, answers, loop)
        sizes.append(memory().rss)
    assert sizes[1] < GROWTH * sizes[0]
    assert gateway.child.is_running
    assert "fault while answering" not in gateway.child.last_lines(100_000)
    print(f"\n{answers.total()} bodies, seed {SEED}: {sorted(answers.items())}")
    print(f"memory {[size >> 20 for size in sizes]} MiB after the first half and at the end")
    assert answers.total() >= BODIES


def post_mutated(
    gateway: Gateway, first: int, answers: Counter[int], loop: asyncio.AbstractEventLoop
) -> None:
    """Post half of the bodies, many at once; Hypothesis makes them, and a small group of those that go wrong."""

    @seed(first)
    @settings(
        max_examples=BODIES // 2 // AT_ONCE, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(mutated(), min_size=AT_ONCE, max_size=AT_ONCE))
    def post_group(group: list[Callback]) -> None:
        asyncio.run_coroutine_threadsafe(post_at_once(gateway, group, answers), loop).result()

    post_group()


async def post_at_once(gateway: Gateway, group: list[Callback], answers: Counter[int]) -> None:
    for (hook, body), answer in zip(
        group, await asyncio.gather(*(gateway.post(*each) for each in group)), strict=True
    ):
        assert answer.status in ANSWERS, (hook, body, answer)
        answers[answer.status] += 1


async def test_schemathesis_finds_no_fault_in_what_the_document_promises(gateway: Gateway):
    document = schemathesis.openapi.from_dict((await gateway.get("/schema/openapi.json")).json)
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        await asyncio.to_thread(examine, operation, gateway.url)


def examine(operation: schemathesis.APIOperation, url: str) -> None:
    """Call an operation with what schemathesis makes of its document, right and wrong; a 5xx is a fault."""
    rounds = settings(
        max_examples=max(20, BODIES // 100), deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        def call(case: schemathesis.Case) -> None:
            case.headers.pop("X-API-Key", None)
            answer = case.call(base_url=url, headers={"X-API-Key": KEY})
            assert answer.status_code < 500, (case.as_curl_command(), answer.status_code)

        if mode is GenerationMode.POSITIVE or operation.body:
            rounds(given(case=operation.as_strategy(mode))(call))()
