"""The AsyncAPI document: every reference leads somewhere, and all that subscribers rely on is in it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from contracts import streams
from contracts.generate.asyncapi import asyncapi
from contracts.generate.catalogue import KINDS, name_of
from support.contract import CONTRACTS

NAMES = {name_of(kind, message) for kind in KINDS for message in kind.types}


@pytest.fixture(scope="module")
def document() -> dict:
    return asyncapi()


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def leads_somewhere(reference: str, document: dict) -> bool:
    place, _, pointer = reference.partition("#")
    target = msgspec.json.decode((CONTRACTS / place).read_bytes()) if place else document
    for step in pointer.split("/")[1:]:
        target = target[step]
    return bool(target)


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert len(found) > len(NAMES)
    assert all(leads_somewhere(reference, document) for reference in found)


def test_every_message_has_a_channel_of_its_own(document):
    assert set(document["channels"]) == NAMES
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert len(set(addresses)) == len(addresses)


def test_a_parameter_of_an_address_is_described_and_nothing_else_is(document):
    for channel in document["channels"].values():
        described = {f"{{{name}}}" for name in channel.get("parameters", {})}
        assert described == {token for token in channel["address"].split(".") if token.startswith("{")}


def test_every_schema_is_the_payload_of_a_message(document):
    payloads = {Path(part["payload"]["$ref"]) for part in document["components"]["messages"].values()}
    assert payloads == {path.relative_to(CONTRACTS) for path in (CONTRACTS / "schema").rglob("*.json")}


def test_the_gateway_sends_what_the_dispatcher_receives(document):
    sent = {
        name.split(".", 2)[2] for name in document["operations"] if name.startswith("gateway.send.delivery")
    }
    read = {
        name.split(".", 2)[2]
        for name in document["operations"]
        if name.startswith("dispatcher.receive.delivery")
    }
    assert sent == read == {name for name in NAMES if name.startswith("delivery.")}


def test_every_message_is_sent_or_received_by_somebody(document):
    channels = {
        operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()
    }
    assert channels == NAMES


def test_what_the_dispatcher_receives_names_its_durable(document):
    for operation in document["operations"].values():
        if operation["action"] == "receive":
            assert operation["x-nats-durable"] in {durable.name for durable in streams.DURABLES}


def test_the_synonyms_and_the_rules_for_readers_are_told(document):
    told = document["info"]["description"]
    for word in ("pending", "partial_failure", "At least once", "Order", "drop repeats by `id`"):
        assert word in told
    assert document["x-synonyms"]["recipient.status"] == {"pending": "queued"}
    assert document["x-synonyms"]["campaign.status"] == {"partial_failure": "partial"}
