"""Golden samples: one for each message at least, read back whole, and what the schemas allow."""

import msgspec
import pytest
from jsonschema import Draft202012Validator

from contracts import commands, dead, delivery, events
from contracts.envelope import Message, type_of
from contracts.generate.catalogue import KINDS, kind_of
from contracts.generate.samples import SAMPLES, sample_path
from contracts.generate.schemas import schema_of
from support.contract import CONTRACTS

UNIONS = {
    "commands": commands.Command,
    "delivery": delivery.Report,
    "events": events.Event,
    "dead": dead.DeadMessage,
}

TYPES = [message for kind in KINDS for message in kind.types]


def subclasses(of: type) -> set[type]:
    return {of, *(deeper for child in of.__subclasses__() for deeper in subclasses(child))}


@pytest.mark.parametrize("message", TYPES, ids=type_of)
def test_each_message_has_a_sample(message):
    assert message in {type(sample.message) for sample in SAMPLES}


def test_no_two_samples_share_a_file():
    paths = [sample_path(sample) for sample in SAMPLES]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_path)
def test_a_sample_is_read_back_as_it_was_written(sample):
    text = (CONTRACTS / sample_path(sample)).read_bytes()
    union = UNIONS[kind_of(type(sample.message)).folder]
    assert msgspec.json.decode(text, type=union) == sample.message


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_path)
def test_a_sample_is_what_its_schema_allows(sample):
    message = type(sample.message)
    schema = schema_of(kind_of(message), message)
    Draft202012Validator.check_schema(schema)
    document = msgspec.json.decode((CONTRACTS / sample_path(sample)).read_bytes())
    Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_path)
def test_a_sample_without_one_of_its_required_fields_is_refused(sample):
    message = type(sample.message)
    schema = schema_of(kind_of(message), message)
    document = msgspec.to_builtins(sample.message)
    for field in schema["required"]:
        rest = {name: value for name, value in document.items() if name != field}
        assert not Draft202012Validator(schema).is_valid(rest)
        if field != "type":  # it tells the messages of a union apart; one type alone can do without
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(rest, message)


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_path)
def test_fields_that_nobody_knows_are_ignored(sample):
    document = {**msgspec.to_builtins(sample.message), "added_later": True}
    message = type(sample.message)
    assert msgspec.convert(document, UNIONS[kind_of(message).folder]) == sample.message
    assert Draft202012Validator(schema_of(kind_of(message), message)).is_valid(document)


def test_every_message_with_a_type_is_in_a_union():
    named = {message for message in subclasses(Message) if message.__struct_config__.tag}
    untagged = {message for message in named if message.__subclasses__()}
    written_here = {message for message in named - untagged if message.__module__.startswith("contracts.")}
    assert written_here == set(TYPES)


def test_a_time_without_a_zone_is_refused():
    document = {**msgspec.to_builtins(SAMPLES[0].message), "time": "2026-02-15T10:00:00"}
    with pytest.raises(msgspec.ValidationError, match="time"):
        msgspec.convert(document, commands.Command)
