"""A message with `{{name}}` placeholders, filled for each recipient from its fields."""

import re
from collections.abc import Iterable, Mapping

from dispatcher.domain.phone import phone_of

PLACEHOLDER = re.compile(r"\{\{[ \t]*([^{}\s](?:[^{}\n]{0,62}[^{}\s])?)[ \t]*\}\}")
"""Names are up to 64 characters, with spaces inside allowed: they are column titles of spreadsheets."""


def fold(name: str) -> str:
    """Return a field's name as it is compared: `First Name` and `first name` are one field."""
    return name.strip().casefold()


def placeholders(message: str) -> tuple[str, ...]:
    """Return the names that a message wants, folded, each once, in their order."""
    if "{{" not in message:
        return ()
    return tuple(dict.fromkeys(fold(name) for name in PLACEHOLDER.findall(message)))


def lacking(names: Iterable[str], fields: Mapping[str, str]) -> list[str]:
    """Return which of a message's names a recipient has no value for; a blank one is none."""
    return [name for name in names if not fields.get(name, "").strip()]


def render(message: str, fields: Mapping[str, str]) -> str:
    """Return the message with its placeholders filled; `fields` has a value for each. What is filled in is not
    looked at again.
    """
    if "{{" not in message:
        return message
    return PLACEHOLDER.sub(lambda found: fields[fold(found[1])], message)


def filling(jid: str, lead_id: str | None, fields: Mapping[str, str] | None) -> dict[str, str]:
    """Return all that can be filled in for a recipient: its fields, its lead and, for a person, its phone."""
    values = dict(fields) if fields else {}
    if lead_id:
        values["lead_id"] = lead_id
    if phone := phone_of(jid):
        values["phone"] = phone
    return values
