"""Subjects, NATS streams and durables: every message has its place, and no subject tells who was written to."""

import re

import pytest

from contracts import streams, subjects
from contracts.envelope import type_of
from contracts.generate.catalogue import KINDS
from contracts.generate.samples import SAMPLES
from contracts.generate.samples.sample import BROADCAST, SESSION

SUBJECT = re.compile(r"wa\.(command|delivery|event|dead)\.[a-z]+\.[a-z_]+(\.([0-9a-f-]{36}|wa_[0-9a-f]+))?")
PLACES = [(kind, message) for kind in KINDS for message in kind.types]
IDS = [f"{kind.word}.{type_of(message)}" for kind, message in PLACES]


def subject_of(kind, message) -> str:
    return kind.subject_of(message).replace("{broadcast_id}", BROADCAST).replace("{session_id}", SESSION)


def covers(filter_subject: str, subject: str) -> bool:
    assert filter_subject.endswith(".>")
    return subject.startswith(filter_subject.removesuffix(">"))


@pytest.mark.parametrize(("kind", "message"), PLACES, ids=IDS)
def test_a_subject_is_kind_noun_verb_and_perhaps_a_campaign_or_a_session(kind, message):
    subject = subject_of(kind, message)
    assert SUBJECT.fullmatch(subject)
    assert subject.split(".")[1] == kind.word
    assert (len(subject.split(".")) == 5) == (kind.word == "event")


@pytest.mark.parametrize(("kind", "message"), PLACES, ids=IDS)
def test_a_subject_lies_in_the_stream_of_its_kind_and_in_no_other(kind, message):
    subject = subject_of(kind, message)
    assert [stream for stream in streams.STREAMS if covers(stream.subject, subject)] == [kind.stream]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type_of(sample.message))
def test_no_subject_carries_a_phone_or_a_jid(sample):
    (kind,) = (kind for kind in KINDS if type(sample.message) in kind.types)
    subject = subject_of(kind, type(sample.message)).replace(BROADCAST, "").replace(SESSION, "")
    assert "@" not in subject
    assert not re.search(r"\d", subject)


@pytest.mark.parametrize(
    ("session_id", "token"),
    [
        ("wa_6f1c", "wa_6f1c"),
        ("wa.6f:1", "wa=2E6f=3A1"),
        ("*", "=2A"),
        ("a b>é", "a=20b=3E=C3=A9"),
        ("=", "=3D"),
    ],
)
def test_any_id_of_a_session_is_one_token(session_id, token):
    assert subjects.token_of_session(session_id) == token


def test_a_message_and_its_type_have_one_subject():
    for sample in SAMPLES:
        kind = type(sample.message)
        assert subjects.of_delivery(sample.message) == subjects.of_delivery(kind)


@pytest.mark.parametrize("durable", streams.DURABLES, ids=lambda durable: durable.name)
def test_each_durable_reads_a_stream_that_exists(durable):
    (stream,) = (stream for stream in streams.STREAMS if stream.name == durable.stream)
    assert covers(stream.subject, durable.subject.removesuffix(">") + "any")


def test_names_of_streams_and_durables_are_unique():
    for parts in (streams.STREAMS, streams.DURABLES):
        assert len({part.name for part in parts}) == len(parts)


def test_a_repeat_is_known_for_less_time_than_a_message_is_kept():
    for stream in streams.STREAMS:
        assert stream.dedup_seconds <= stream.max_age_seconds


def test_only_the_last_message_of_a_batch_commits_it():
    headers = [streams.batch_headers("b1", number, 3, f"m{number}") for number in (1, 2, 3)]
    assert [streams.BATCH_COMMIT in header for header in headers] == [False, False, True]
    assert [header[streams.BATCH_SEQUENCE] for header in headers] == ["1", "2", "3"]
    assert [header[streams.MESSAGE_ID] for header in headers] == ["m1", "m2", "m3"]
