"""The tables of knobs in `SIMULATOR.md`, from their descriptions: `python -m local_stack.simulator.knob_table`."""

import sys
from itertools import groupby

import msgspec

from local_stack.simulator.descriptions import Description, described


def knob_table() -> str:
    """Return the knobs as Markdown, one table for each section."""
    sections = groupby(described(), key=lambda knob: knob.panel)
    return "\n".join(_section(panel, list(knobs)) for panel, knobs in sections)


def _section(panel: str, knobs: list[Description]) -> str:
    rows = "".join(f"| `{knob.name}` | {_default(knob)} | {knob.text} |\n" for knob in knobs)
    return f"### {panel}\n\n| knob | default | what it does |\n|---|---|---|\n{rows}"


def _default(knob: Description) -> str:
    return f"`{msgspec.json.encode(knob.default).decode()}`"


if __name__ == "__main__":
    sys.stdout.write(knob_table())
