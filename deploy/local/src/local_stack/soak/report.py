"""The end of a soak in words: a table of the parts, the verdict, a line of JSON. Pure."""

import msgspec
from rich.table import Table

from local_stack.soak.verdict import Growth

MIB = 1 << 20


class Part(msgspec.Struct, frozen=True):
    """How a part stood: memory in MiB and descriptors, medians of both halves after the warm-up."""

    memory_before_mib: float
    memory_after_mib: float
    memory_percent: float
    descriptors_before: int
    descriptors_after: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line, `SOAK {…}`. `highest_lag`: messages not consumed and events not relayed, at most."""

    ok: bool
    minutes: float
    rate: float
    answers: dict[str, int]
    longest_answer_seconds: float
    highest_lag: int
    last_lag: int
    parts: dict[str, Part]
    complaints: list[str]


def part_of(growth: Growth) -> Part:
    """Return how a part stood, in the units of the report."""
    return Part(
        round(growth.memory_before / MIB, 1),
        round(growth.memory_after / MIB, 1),
        round(growth.memory_percent, 1),
        growth.descriptors_before,
        growth.descriptors_after,
    )


def table_of(summary: Summary) -> Table:
    """Return the table."""
    title = f"{summary.rate:g} callbacks/s for {summary.minutes:g} minutes; medians after the warm-up"
    table = Table(title=title, title_justify="left")
    table.add_column("part")
    for name in ("memory, first half", "second half", "growth", "descriptors", "second half"):
        table.add_column(name, justify="right")
    for name, part in summary.parts.items():
        memory = (
            f"{part.memory_before_mib} MiB",
            f"{part.memory_after_mib} MiB",
            f"{part.memory_percent:+} %",
        )
        table.add_row(name, *memory, str(part.descriptors_before), str(part.descriptors_after))
    return table


def verdict_of(summary: Summary) -> list[str]:
    """Return the verdict, one line each."""
    answers = ", ".join(f"{count} {answer}" for answer, count in summary.answers.items())
    lines = [
        f"  answers: {answers}; the longest took {summary.longest_answer_seconds:.2f} s",
        f"  lag: {summary.highest_lag} at most, {summary.last_lag} at the end",
    ]
    if not summary.complaints:
        return [*lines, "  ok   nothing grows"]
    return [*lines, *(f"  BAD  {complaint}" for complaint in summary.complaints)]


def last_line(summary: Summary) -> str:
    """Return the line that programs read."""
    return f"SOAK {msgspec.json.encode(summary).decode()}"
