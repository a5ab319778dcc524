"""What a change of a schema would break. Both ways, since both happen at once while a new release rolls out and old
messages lie in the NATS streams: old readers meet new messages, and new readers meet old ones.
"""

from collections.abc import Iterator, Mapping, Sequence

from contracts.generate.schemas import Schema, version_of

FLOORS = ("minLength", "minimum", "exclusiveMinimum", "minItems")
CEILINGS = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
FORMS = ("pattern", "format", "multipleOf")

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """Return what breaks from one schema of a message to the next; nothing once its version was raised."""
    if version_of(new) != version_of(old):
        return [] if version_of(new) > version_of(old) else ["version went back"]
    before, after = _inlined(old, old), _inlined(new, new)
    return [
        *_removed(before, after, ""),
        *(f"{fault}: messages of before cannot be read" for fault in _unreadable(before, after, "")),
        *(f"{fault}: readers of before cannot read it" for fault in _unreadable(after, before, "")),
    ]


def _inlined(part: Schema, document: Schema) -> Schema:
    """Return a schema with each reference replaced by what it names; messages hold no type that holds itself."""
    if "$ref" in part:
        return _inlined(document["$defs"][part["$ref"].removeprefix("#/$defs/")], document)
    whole = dict(part)
    if "properties" in part:
        whole["properties"] = {name: _inlined(field, document) for name, field in part["properties"].items()}
    if "items" in part:
        whole["items"] = _inlined(part["items"], document)
    if "anyOf" in part:
        whole["anyOf"] = [_inlined(choice, document) for choice in part["anyOf"]]
    return whole


def _removed(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """Name the fields that are gone, at any depth."""
    fields = _struct(new).get("properties", {})
    for name, field in _struct(old).get("properties", {}).items():
        if name not in fields:
            yield f"{path}{name} was removed"
        else:
            yield from _removed(field, fields[name], f"{path}{name}.")
    if "items" in old and "items" in new:
        yield from _removed(old["items"], new["items"], path)


def _struct(part: Schema) -> Schema:
    """Return the struct in a choice, of which there is one at the most; any other schema as it is."""
    return next((choice for choice in part.get("anyOf", []) if "properties" in choice), part)


def _unreadable(written: Schema, read: Schema, path: str) -> Iterator[str]:
    """Name what a writer may write by its schema and a reader, by another one, may not understand."""
    if "properties" in written and "properties" in read:
        yield from _unreadable_fields(written, read, path)
    elif "items" in written and "items" in read:
        yield from _unreadable(written["items"], read["items"], path)
        yield from _misfits(written, read, path)
    elif not _fits(written, read):
        yield f"{path.rstrip('.')} changed its type or its limits"


def _misfits(written: Schema, read: Schema, path: str) -> Iterator[str]:
    if not _within_limits(written, read):
        yield f"{path.rstrip('.')} changed its limits"


def _unreadable_fields(written: Schema, read: Schema, path: str) -> Iterator[str]:
    always = written.get("required", [])
    for name in read.get("required", []):
        if name not in always:
            yield f"{path}{name} is required by one side and may be left out by the other"
    for name, field in read["properties"].items():
        if name in written["properties"]:
            yield from _unreadable(written["properties"][name], field, f"{path}{name}.")


def _fits(written: Schema, read: Schema) -> bool:
    """Whether each value of one schema is also a value of the other."""
    choices: Sequence[Schema] = read.get("anyOf", [read])
    return all(
        any(_choice_fits(one, choice) for choice in choices) for one in written.get("anyOf", [written])
    )


def _choice_fits(written: Schema, read: Schema) -> bool:
    if "enum" in written:
        return all(_holds(read, value) for value in written["enum"])
    if "enum" in read or not _is_type(written.get("type"), read.get("type")):
        return False
    inner = ("properties" in read or "items" in read) and any(_unreadable(written, read, ""))
    return not inner and _within_limits(written, read)


def _holds(read: Schema, value: object) -> bool:
    if "enum" in read:
        return value in read["enum"]
    return _is_type(JSON_TYPES[type(value)], read.get("type"))


def _is_type(written: str | None, read: str | None) -> bool:
    return read is None or written == read or (written, read) == ("integer", "number")


def _within_limits(written: Mapping[str, float], read: Mapping[str, float]) -> bool:
    floors = all(written.get(key, float("-inf")) >= read[key] for key in FLOORS if key in read)
    ceilings = all(written.get(key, float("inf")) <= read[key] for key in CEILINGS if key in read)
    forms = all(written.get(key) == read[key] for key in FORMS if key in read)
    return floors and ceilings and forms
