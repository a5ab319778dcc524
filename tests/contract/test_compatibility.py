"""Which changes of a message break its readers, and which do not."""

import msgspec
import pytest

from contracts.envelope import Message
from contracts.generate.catalogue import KINDS
from contracts.generate.compatibility import incompatibilities
from contracts.generate.schemas import schema_of


def message(version: int = 1, **fields: object) -> dict:
    """A message's schema with these fields; a leading `?` in a field's description makes it optional."""
    properties = {name.removesuffix("_or_not"): field for name, field in fields.items()}
    return {
        "type": "object",
        "properties": {"version": {"type": "integer", "default": version}, **properties},
        "required": [name for name in fields if not name.endswith("_or_not")],
    }


TEXT = {"type": "string"}
SHORT = {"type": "string", "maxLength": 10}
LONG = {"type": "string", "maxLength": 99}
FILLED = {"type": "string", "minLength": 1}
CODE = {"type": "string", "pattern": "^[A-Z]+$"}
WHOLE = {"type": "integer"}
NUMBER = {"type": "number"}
NULL = {"type": "null"}
TEXT_OR_NULL = {"anyOf": [TEXT, NULL]}
TWO = {"enum": ["high", "normal"]}
THREE = {"enum": ["high", "low", "normal"]}
TEXTS = {"type": "array", "items": TEXT}
SOME_TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
NUMBERS = {"type": "array", "items": NUMBER}


def whole(**fields: object) -> dict:
    """The schema of a struct inside a message."""
    nested = message(**fields)
    del nested["properties"]["version"]
    return nested


COMPATIBLE = {
    "nothing changed": (message(a=TEXT), message(a=TEXT)),
    "an optional field is new": (message(a=TEXT), message(a=TEXT, b_or_not=TEXT)),
    "the texts changed": (message(a=TEXT), message(a={**TEXT, "description": "the name"})),
    "an enum of one order": (message(a=TWO), message(a={"enum": ["normal", "high"]})),
    "the parts of a choice stand in another order": (
        message(a=TEXT_OR_NULL),
        message(a={"anyOf": [NULL, TEXT]}),
    ),
    "an optional field deep inside is new": (
        message(a=whole(b=TEXT)),
        message(a=whole(b=TEXT, c_or_not=WHOLE)),
    ),
    "everything changed, and the version was raised": (message(a=TEXT), message(version=2, b=WHOLE)),
}


@pytest.mark.parametrize(("old", "new"), COMPATIBLE.values(), ids=COMPATIBLE)
def test_what_breaks_nobody(old, new):
    assert incompatibilities(old, new) == []


BREAKING = {
    "a field is gone": (message(a=TEXT, b_or_not=TEXT), message(a=TEXT), "b was removed"),
    "a field was renamed": (message(a_or_not=TEXT), message(b_or_not=TEXT), "a was removed"),
    "a required field is new": (message(a=TEXT), message(a=TEXT, b=TEXT), "b is required"),
    "a field became required": (message(a_or_not=TEXT), message(a=TEXT), "a is required"),
    "a field may be left out": (message(a=TEXT), message(a_or_not=TEXT), "a is required"),
    "another type": (message(a=TEXT), message(a=WHOLE), "a changed"),
    "a narrower type": (message(a=NUMBER), message(a=WHOLE), "a changed"),
    "a wider type": (message(a=WHOLE), message(a=NUMBER), "a changed"),
    "null is gone": (message(a=TEXT_OR_NULL), message(a=TEXT), "a changed"),
    "null is new": (message(a=TEXT), message(a=TEXT_OR_NULL), "a changed"),
    "a word is gone": (message(a=THREE), message(a=TWO), "a changed"),
    "a word is new": (message(a=TWO), message(a=THREE), "a changed"),
    "any text where words stood": (message(a=TWO), message(a=TEXT), "a changed"),
    "words where any text stood": (message(a=TEXT), message(a=TWO), "a changed"),
    "a shorter text": (message(a=LONG), message(a=SHORT), "a changed"),
    "a longer text": (message(a=SHORT), message(a=LONG), "a changed"),
    "no empty text": (message(a=TEXT), message(a=FILLED), "a changed"),
    "a pattern is new": (message(a=TEXT), message(a=CODE), "a changed"),
    "other things in a list": (message(a=TEXTS), message(a=NUMBERS), "a changed"),
    "no empty list": (message(a=TEXTS), message(a=SOME_TEXTS), "a changed its limits"),
    "a field deep inside is gone": (
        message(a=whole(b=TEXT, c_or_not=TEXT)),
        message(a=whole(b=TEXT)),
        "a.c was removed",
    ),
    "a field deep inside became required": (
        message(a={"type": "array", "items": whole(b_or_not=TEXT)}),
        message(a={"type": "array", "items": whole(b=TEXT)}),
        "a.b is required",
    ),
    "a field of a struct that may be missing is gone": (
        message(a={"anyOf": [whole(b_or_not=TEXT), NULL]}),
        message(a={"anyOf": [whole(), NULL]}),
        "a.b was removed",
    ),
    "the version went back": (message(version=2, a=TEXT), message(version=1, a=TEXT), "version"),
}


@pytest.mark.parametrize(("old", "new", "fault"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_readers(old, new, fault):
    assert any(line.startswith(fault) for line in incompatibilities(old, new))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.folder)
def test_each_message_is_compatible_with_itself(kind):
    for message in kind.types:
        schema = schema_of(kind, message)
        assert incompatibilities(schema, schema) == []


class Before(Message, frozen=True, kw_only=True, tag="thing.happened"):
    name: str


class After(Message, frozen=True, kw_only=True, tag="thing.happened"):
    name: str
    place: str


class AfterRaised(After, frozen=True, kw_only=True, tag="thing.happened"):
    version: int = 2


def test_real_types_are_compared_by_their_schemas():
    kind = msgspec.structs.replace(KINDS[2], types=(Before,))
    before, after, raised = (schema_of(kind, message) for message in (Before, After, AfterRaised))
    assert incompatibilities(before, after) == [
        "place is required by one side and may be left out by the other: messages of before cannot be read"
    ]
    assert incompatibilities(before, raised) == []
