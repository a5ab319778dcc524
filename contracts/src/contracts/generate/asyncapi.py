"""The AsyncAPI 3.0 document: the broker, its subjects and messages, who sends and who receives them."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from contracts import streams
from contracts.dead import CallbackQuarantined, MessageParked
from contracts.envelope import Message, type_of
from contracts.generate.catalogue import BROADCAST, KINDS, SESSION, Kind, name_of, schema_path
from contracts.generate.samples import SAMPLES
from contracts.generate.schemas import describe

VERSION = "1.0.0"
"""Raised by hand: the second number for new messages and fields, the first when a message's `version` rises."""

GATEWAY, DISPATCHER = "gateway", "dispatcher"

Parties = tuple[tuple[str, str], ...]
"""Services, and what each does with a message."""

PARTIES: Mapping[str, Parties] = {
    "command": ((DISPATCHER, "receive"),),
    "delivery": ((GATEWAY, "send"), (DISPATCHER, "receive")),
    "event": ((DISPATCHER, "send"),),
}
"""By the word of a kind. Events are for whoever subscribes; dead messages too, beside the dispatcher."""

PARTIES_OF_DEAD: Mapping[type[Message], Parties] = {
    CallbackQuarantined: ((GATEWAY, "send"), (DISPATCHER, "receive")),
    MessageParked: ((DISPATCHER, "send"), (DISPATCHER, "receive")),
}

SYNONYMS = {
    "recipient.status": {"pending": "queued"},
    "campaign.status": {"partial_failure": "partial"},
}
"""Other systems' words, and what they are here."""

PARAMETERS = {
    BROADCAST: "The campaign.",
    SESSION: "The session; each byte of its id that is no letter, digit, `_` or `-` is written `=XX`.",
}

RULES = """\
What the services say to each other and to subscribers, over NATS JetStream.

**Order.** The events of one campaign (`wa.event.*.*.<broadcast_id>`) come in the order in which they happened, which is
that of `position`; so do those of one session (`wa.event.*.*.<session_id>`). Nothing is promised between campaigns, nor
between sessions.

**At least once.** Any message may come again: drop repeats by `id`, which is also its `Nats-Msg-Id`. The broker's own
window for repeats is short (`dedup_seconds` of the NATS stream).

**Reading.** Ignore fields that you do not know, and messages whose `type` you do not know. A message's `version` rises
with each change that its readers must know of.

**Synonyms.** A recipient's `queued` is called `pending` in other systems, and a campaign's `partial` is called
`partial_failure`. On the wire stand `queued` and `partial` alone.

**Privacy.** No subject holds a phone number or a JID; bodies do.
"""

Document = dict[str, Any]
"""A part of an AsyncAPI document, as JSON has it."""


def asyncapi() -> Document:
    """Return the whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "WhatsApp dispatch", "version": VERSION, "description": RULES},
        "defaultContentType": "application/json",
        "servers": {"nats": _server()},
        "channels": {
            name_of(kind, message): _channel(kind, message) for kind in KINDS for message in kind.types
        },
        "operations": dict(_operations()),
        "components": {
            "messages": {
                name_of(kind, message): _message(kind, message) for kind in KINDS for message in kind.types
            },
            "schemas": {"headers": _headers()},
        },
        "x-nats-streams": [msgspec.to_builtins(stream) for stream in streams.STREAMS],
        "x-nats-durables": [msgspec.to_builtins(durable) for durable in streams.DURABLES],
        "x-synonyms": SYNONYMS,
    }


def _server() -> Document:
    return {
        "host": "{host}:{port}",
        "protocol": "nats",
        "description": "NATS 2.12 or newer, with JetStream on file storage and `sync_interval: always`.",
        "variables": {"host": {"default": "localhost"}, "port": {"default": "4222"}},
    }


def _channel(kind: Kind, message: type[Message]) -> Document:
    name = name_of(kind, message)
    subject = kind.subject_of(message)
    channel: Document = {
        "address": subject,
        "title": f"{kind.title}: {type_of(message)}",
        "servers": [_reference("servers", "nats")],
        "messages": {name: _reference("components", "messages", name)},
        "x-nats-stream": kind.stream.name,
    }
    for parameter, description in PARAMETERS.items():
        if parameter in subject:
            name = parameter.strip("{}")
            channel["parameters"] = {
                name: {"description": description, "location": f"$message.payload#/{name}"}
            }
    return channel


def _message(kind: Kind, message: type[Message]) -> Document:
    return {
        "name": type_of(message),
        "title": message.__name__,
        "summary": describe(message).partition("\n\n")[0],
        "headers": _reference("components", "schemas", "headers"),
        "correlationId": {"location": "$message.payload#/correlation"},
        "payload": {"$ref": f"./{schema_path(kind, message)}"},
        "examples": [
            {"name": sample.case or "usual", "payload": msgspec.to_builtins(sample.message)}
            for sample in SAMPLES
            if type(sample.message) is message
        ],
    }


def _headers() -> Document:
    identity = {"type": "string", "description": "The message's `id`."}
    return {"type": "object", "properties": {streams.MESSAGE_ID: identity}}


def _operations() -> Iterator[tuple[str, Document]]:
    for kind in KINDS:
        for message in kind.types:
            for party, action in _parties(kind, message):
                name = name_of(kind, message)
                yield f"{party}.{action}.{name}", _operation(party, action, kind, name)


def _parties(kind: Kind, message: type[Message]) -> Parties:
    return PARTIES_OF_DEAD[message] if message in PARTIES_OF_DEAD else PARTIES[kind.word]


def _operation(party: str, action: str, kind: Kind, name: str) -> Document:
    operation: Document = {
        "action": action,
        "channel": _reference("channels", name),
        "messages": [_reference("channels", name, "messages", name)],
        "tags": [{"name": party}],
    }
    durable = next((durable for durable in streams.DURABLES if durable.stream == kind.stream.name), None)
    if action == "receive" and durable is not None:
        operation["x-nats-durable"] = durable.name
    return operation


def _reference(*parts: str) -> Document:
    return {"$ref": "#/" + "/".join(parts)}
