"""The short form of `make soak`: too short to judge memory and descriptors, long enough to see that all of it works."""

import io
import os

import msgspec
from rich.console import Console

from local_stack.soak.report import Summary
from local_stack.soak.run import Wish, run_soak

MINUTES = 0.2
RATE = 30.0
ANY_GROWTH = 10_000.0


def test_callbacks_at_a_rate_are_all_taken_and_nothing_waits_at_the_end() -> None:
    output = io.StringIO()
    code = run_soak(os.environ, Wish(MINUTES, RATE, ANY_GROWTH), Console(file=output, width=200))
    said = output.getvalue()
    assert code == 0, said
    word, _, line = said.splitlines()[-1].partition(" ")
    summary = msgspec.json.decode(line, type=Summary)
    assert (word, summary.ok, summary.complaints, summary.last_lag) == ("SOAK", True, [], 0)
    assert set(summary.answers) == {"202"}
    assert summary.answers["202"] >= MINUTES * 60 * RATE * 0.9
    assert set(summary.parts) == {"gateway", "dispatcher", "nats", "postgres", "simulator"}
