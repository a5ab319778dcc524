"""The short form of `make fault`: every kind of fault that this machine allows, on a small campaign."""

import io
import os

import msgspec
from rich.console import Console

from local_stack.fault.assault import Wish
from local_stack.fault.run import run_fault
from local_stack.fault.setting import Size
from local_stack.fault.summary import Summary

FAULTS = 15
SEED = 21
RECIPIENTS = 160
SESSIONS = 8
WIDTH = 200


def test_nothing_is_lost_and_nothing_is_sent_twice_while_everything_breaks() -> None:
    output = io.StringIO()
    console = Console(file=output, width=WIDTH)
    code = run_fault(os.environ, Wish(SEED, FAULTS, Size(RECIPIENTS, SESSIONS)), console)
    said = output.getvalue()
    assert code == 0, said
    word, _, line = said.splitlines()[-1].partition(" ")
    summary = msgspec.json.decode(line, type=Summary)
    assert word == "FAULT"
    assert summary.ok
    assert (summary.seed, summary.faults) == (SEED, FAULTS)
    assert sum(row.count for row in summary.kinds.values()) == FAULTS
    assert summary.full.shown_as_sent + summary.bare.shown_as_sent == RECIPIENTS
    assert summary.callbacks_accepted > RECIPIENTS
    assert f"seed {SEED}" in said
