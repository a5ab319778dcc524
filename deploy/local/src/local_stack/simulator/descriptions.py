"""Descriptions of the knobs, section by section: for `options` (command line) and `knob_table` (manual)."""

from collections.abc import Iterator
from typing import get_args, get_type_hints

import msgspec

from local_stack.simulator.knobs import Knobs

PANELS = {
    "only_first": "How long it misbehaves",
    "answer_delay_ms": "Answers of /send",
    "queue_min_ms": "What becomes of a message",
    "callback_min_ms": "Callbacks",
    "delivered_readers": "Receipts and reactions",
    "timestamps": "Build of the VPS",
    "unknown_sessions": "Sessions",
    "groups_wrapped": "Shapes of /groups",
}
"""The sections of the knobs, each under the name of its first knob."""


class Description(msgspec.Struct, frozen=True):
    """What `--help` and the documentation say about one knob."""

    name: str
    default: float | int | str | bool | tuple[str, ...]
    panel: str
    text: str


def described() -> Iterator[Description]:
    """Yield the knobs in their order, each with its section."""
    hints = get_type_hints(Knobs, include_extras=True)
    panel = ""
    for field in msgspec.structs.fields(Knobs):
        panel = PANELS.get(field.name, panel)
        text = next(meta.description for meta in reversed(get_args(hints[field.name])) if meta.description)
        yield Description(field.name, field.default, panel, text)
