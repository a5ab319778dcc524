"""The report of the fault suite: the counts, the verdict, and what makes a run fail."""

import io

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from local_stack.fault import report
from local_stack.fault.check import Findings, compare
from local_stack.fault.evidence import Evidence
from local_stack.fault.kinds import Fault, Kind
from local_stack.fault.settling import Held
from local_stack.fault.summary import KindRow, Struck, Summary, rows_of, summarise
from support.evidence import JID, SESSION, entry, good

KILLED = Fault(Kind.KILL, "nats", 1.0)
STRUCK = [
    Struck(KILLED, 1.5, 7),
    Struck(KILLED, 3.25, 0),
    Struck(Fault(Kind.CUT, "gateway>nats", 0.0), 0.5, 2),
]


def summary_of(
    evidence: Evidence | None = None, struck: list[Struck] | None = None, **fields: object
) -> tuple[Summary, Findings]:
    seen = evidence or good()
    findings = compare(seen)
    usual = {"toothless": [], "verified": True, "at_rest": "", "ended_by_themselves": {}, "seconds": 12.34}
    left_out = {"clock step": "libfaketime is not installed"}
    held = Held(full=2, bare=1, confirmed=1, sent_again=2)
    return summarise(7, struck or STRUCK, left_out, seen, findings, held, **usual | fields), findings


def printed(thing: object) -> str:
    output = io.StringIO()
    Console(file=output, width=160).print(thing)
    return output.getvalue()


def test_faults_are_counted_by_kind_with_the_longest_recovery_of_each() -> None:
    assert rows_of(STRUCK) == {
        "kill -9": KindRow(2, 3.25, 0),
        "connection cut": KindRow(1, 0.5, 0),
    }


def test_a_run_in_which_all_went_well_is_well() -> None:
    summary, findings = summary_of()
    assert summary.ok
    assert (summary.callbacks_accepted, summary.callbacks_lost) == (1, 0)
    assert (summary.full.asked_for, summary.full.shown_as_sent, summary.full.settled_by_operator) == (1, 1, 2)
    assert (summary.bare.asked_for, summary.bare.settled_by_operator) == (0, 1)
    assert all(line.startswith("  ok ") for line in report.verdict_of(summary, findings))


@pytest.mark.parametrize(
    "fields",
    [{"verified": False}, {"at_rest": "3 queued"}, {"toothless": ["disk full: gateway"]}],
    ids=["rows-differ", "not-at-rest", "nobody-felt-it"],
)
def test_a_run_fails_on_anything_that_is_not_well(fields: dict[str, object]) -> None:
    assert not summary_of(**fields)[0].ok


def test_a_late_recovery_is_told_and_loses_nothing() -> None:
    summary, _ = summary_of(struck=[Struck(KILLED, 2.0, 1), Struck(KILLED, None, 1)])
    assert summary.ok
    assert summary.kinds == {"kill -9": KindRow(2, 2.0, 1)}


def test_a_double_send_is_counted_with_the_build_of_its_vps_and_named() -> None:
    summary, findings = summary_of(replace(good(), ledger=[entry(), entry(2)]))
    assert (summary.ok, summary.full.twice, summary.bare.twice) == (False, 1, 0)
    bad = [line for line in report.verdict_of(summary, findings) if "BAD" in line]
    assert len(bad) == 1
    assert JID in bad[0]
    assert SESSION in bad[0]


def test_the_tables_show_the_seed_what_was_left_out_and_both_builds() -> None:
    summary, _ = summary_of(struck=[*STRUCK, Struck(KILLED, None, 0)])
    faults, messages = printed(report.faults_table(summary)), printed(report.messages_table(summary))
    assert "seed 7; no message left during 2 of them" in faults
    assert "3.2 s, 1 later still" in faults
    assert "libfaketime is not installed" in faults
    assert "without both" in messages


def test_the_last_line_is_json_that_can_be_read_back() -> None:
    summary, _ = summary_of()
    word, _, line = report.last_line(summary).partition(" ")
    assert word == "FAULT"
    assert msgspec.json.decode(line, type=Summary) == summary


def test_of_many_only_some_are_named() -> None:
    assert report.some(["a", "b", "c"], limit=2) == "a; b and 1 more"
