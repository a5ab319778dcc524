"""JSON Schemas (2020-12) of messages: one self-contained document each, made from the type and its docstrings."""

import inspect
from typing import Any

import msgspec

from contracts.envelope import Message
from contracts.generate.catalogue import Kind, name_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
"""A JSON Schema document."""


def schema_of(kind: Kind, message: type[Message]) -> Schema:
    """Return a message's schema: the message on top, the types inside it under `$defs`."""
    (_,), parts = msgspec.json.schema_components([message], ref_template="#/$defs/{name}")
    own = parts.pop(message.__name__)
    for part in parts.values():
        part["description"] = inspect.cleandoc(part.get("description", ""))
    schema = {
        "$schema": DIALECT,
        "$id": f"urn:whatsapp-dispatch:{name_of(kind, message)}",
        **own,
        "description": describe(message),
    }
    return {**schema, "$defs": parts} if parts else schema


def version_of(schema: Schema) -> int:
    """Return the version of a message that a schema describes."""
    version: int = schema["properties"]["version"]["default"]
    return version


def describe(message: type[Message]) -> str:
    """Return a message's docstring, and below it those of the types that it is made from, up to the envelope."""
    lineage = [part for part in message.__mro__ if issubclass(part, Message)]
    return "\n\n".join(inspect.cleandoc(part.__doc__ or "") for part in lineage)
