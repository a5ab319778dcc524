"""The end of the demo, in words: a table of what happened to whom, the verdict, a line of JSON. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from rich.table import Table

from local_stack.api_client import Recipient
from local_stack.demo.cases import Case
from local_stack.demo.check import SENT_STATUSES, Findings
from local_stack.demo.plan import Target


class Row(msgspec.Struct, frozen=True):
    """One case: how many met it, and how they ended, as `sent 4, failed 1`."""

    words: str
    count: int
    ended: str
    as_it_must: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line, `DEMO {…}`. `sent` counts delivered and read ones, too; `ledger` is what really left."""

    ok: bool
    recipients: int
    sessions: int
    sent: int
    failed: int
    open: int
    ledger: int
    lost: int
    twice: int
    untrue: int
    unlike_plan: int
    rebuild_ok: bool
    seconds: float


def rows_of(cases: Sequence[Case], targets: Sequence[Target], shown: Mapping[str, Recipient]) -> list[Row]:
    """Return the table's rows, in the order of the cases."""
    rows = []
    for case in cases:
        ends = Counter(
            shown[target.jid].status if target.jid in shown else "lost"
            for target in targets
            if target.case is case
        )
        ended = ", ".join(f"{status} {count}" for status, count in ends.most_common())
        rows.append(Row(case.words, ends.total(), ended, set(ends) <= {case.ends}))
    return rows


def table_of(rows: Sequence[Row]) -> Table:
    """Return the table."""
    table = Table(title="What happened to whom", title_justify="left")
    table.add_column("what happened")
    table.add_column("messages", justify="right")
    table.add_column("ended as")
    table.add_column("as it must")
    for row in rows:
        table.add_row(row.words, str(row.count), row.ended, "yes" if row.as_it_must else "NO")
    return table


def verdict_of(findings: Findings, *, rebuild_ok: bool) -> list[str]:
    """Return one line for each thing that was compared."""
    against_ledger = (
        ("nothing was lost", "lost", findings.lost),
        ("nobody got a message twice", "got it twice", findings.twice),
        ("shown as sent exactly if it was sent, by that message id", "not true", findings.untrue),
        ("each ended as it must", "ended otherwise", findings.unlike_plan),
    )
    lines = [
        f"  BAD  {bad}: {some(jids)}" if jids else f"  ok   {good}" for good, bad, jids in against_ledger
    ]
    rebuilt = "  ok   all rows equal" if rebuild_ok else "  BAD  some rows differ from"
    return [*lines, f"{rebuilt} a fold of all events"]


def some(jids: Sequence[str], limit: int = 5) -> str:
    """Name a few."""
    rest = f" and {len(jids) - limit} more" if len(jids) > limit else ""
    return ", ".join(jids[:limit]) + rest


def summarise(
    targets: Sequence[Target],
    shown: Mapping[str, Recipient],
    findings: Findings,
    *,
    ledger: int,
    rebuild_ok: bool,
    seconds: float,
) -> Summary:
    """Return the counts."""
    statuses = [recipient.status for recipient in shown.values()]
    sent = sum(status in SENT_STATUSES for status in statuses)
    failed = statuses.count("failed")
    return Summary(
        ok=findings.all_well and rebuild_ok,
        recipients=len(targets),
        sessions=len({target.session_id for target in targets}),
        sent=sent,
        failed=failed,
        open=len(statuses) - sent - failed,
        ledger=ledger,
        lost=len(findings.lost),
        twice=len(findings.twice),
        untrue=len(findings.untrue),
        unlike_plan=len(findings.unlike_plan),
        rebuild_ok=rebuild_ok,
        seconds=round(seconds, 1),
    )


def totals_of(summary: Summary) -> str:
    """Return the totals in words."""
    return (
        f"We show {summary.sent} sent (read ones with them), {summary.failed} failed, {summary.open} open; "
        f"the VPS's ledger holds {summary.ledger} that reached somebody."
    )


def last_line(summary: Summary) -> str:
    """Return the line that programs read."""
    return f"DEMO {msgspec.json.encode(summary).decode()}"
