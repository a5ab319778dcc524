"""The end of a run in words: a table of the faults, the counts, the verdict, a line of JSON. Pure."""

from collections.abc import Sequence

import msgspec
from rich.table import Table

from local_stack.fault.check import Findings
from local_stack.fault.summary import Summary


def faults_table(summary: Summary) -> Table:
    """Return the table of faults."""
    title = f"{summary.faults} faults, seed {summary.seed}; no message left during {summary.without_sends} of them"
    table = Table(title=title, title_justify="left")
    table.add_column("fault")
    table.add_column("injected", justify="right")
    table.add_column("longest recovery", justify="right")
    for kind, row in sorted(summary.kinds.items()):
        late = f", {row.late} later still" if row.late else ""
        table.add_row(kind, str(row.count), f"{row.longest_recovery_seconds:.1f} s{late}")
    for kind, why in summary.left_out.items():
        table.add_row(kind, "left out", why)
    return table


def messages_table(summary: Summary) -> Table:
    """Return the table of messages."""
    table = Table(title="Messages", title_justify="left")
    table.add_column("VPS")
    for name in ("asked for", "sent", "twice", "twice, excused", "never", "settled by hand"):
        table.add_column(name, justify="right")
    builds = {"with Idempotency-Key and /message-status": summary.full, "without both": summary.bare}
    for words, sent in builds.items():
        counts = (sent.asked_for, sent.shown_as_sent, sent.twice, sent.excused, sent.never)
        table.add_row(words, *map(str, counts), str(sent.settled_by_operator))
    return table


def verdict_of(summary: Summary, findings: Findings) -> list[str]:
    """Return one line for each thing that was compared, with some of what is wrong."""
    places = ", ".join(f"{count} {place}" for place, count in summary.callbacks.items())
    compared: list[tuple[str, Sequence[str]]] = [
        (
            f"of {summary.callbacks_accepted} callbacks that were answered 202 none is lost ({places})",
            findings.lost,
        ),
        ("no callback waits for a message that is known", findings.stuck),
        ("no callback with a wrong key was taken", findings.let_in),
        ("every message that was asked for is known", findings.unknown),
        ("nobody got a message that was not asked for", findings.strangers),
        ("every message was sent", findings.never),
        ("nothing was sent twice", [double.words for double in findings.twice]),
        ("shown as sent exactly if it was sent, by that message id", findings.untrue),
        (f"all of {summary.events_expected} events that concern others are published", findings.missing),
        ("no event was published that is not stored", findings.invented),
        ("events are in order per campaign", findings.disordered),
        ("all rows equal a fold of all events", [] if summary.verified else ["see the log of verify"]),
        ("every fault was felt", summary.toothless),
        ("all came to rest, and works", [] if summary.at_rest == "yes" else [summary.at_rest]),
    ]
    lines = [f"  BAD  NOT: {good}: {some(bad)}" if bad else f"  ok   {good}" for good, bad in compared]
    return [*lines, *(f"  (excused: {double.words})" for double in findings.excused)]


def some(items: Sequence[str], limit: int = 5) -> str:
    """Name a few."""
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return "; ".join(items[:limit]) + rest


def last_line(summary: Summary) -> str:
    """Return the line that programs read."""
    return f"FAULT {msgspec.json.encode(summary).decode()}"
