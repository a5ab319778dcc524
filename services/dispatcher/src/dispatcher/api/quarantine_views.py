"""What the API answers about the quarantine: a tenant's own whole, nobody's without its details."""

from base64 import b64encode
from datetime import datetime

import msgspec

from dispatcher.quarantine.kept import Kind
from dispatcher.quarantine.lines import Line
from dispatcher.quarantine.redriving import refusal_of
from dispatcher.translate import to_time


class QuarantineView(msgspec.Struct, frozen=True):
    """Something that was not applied. `source` is a hook of the gateway, or a NATS subject; `about` the report that it
    contradicts, or what was sent again and came back as this. `redrivable`: it can be sent again from here; `obstacle`
    says why not. `reason` and `about` are null where it belongs to no tenant that we know.
    """

    id: str
    kind: Kind
    source: str
    reason: str | None
    about: str | None
    at: datetime
    size: int | None
    redrivable: bool
    obstacle: str | None
    redriven_at: datetime | None
    redriven_by: str | None
    redriven_why: str | None
    published: bool


class QuarantineDetails(QuarantineView, frozen=True, kw_only=True):
    """The same, with its body: base64 of the raw bytes, and as a text where it is one."""

    body: str | None
    text: str | None


def view_of(line: Line, tenant: str) -> QuarantineView:
    """Return a line as the API lists it."""
    return QuarantineView(**_facts(line, tenant))  # type: ignore[arg-type]  # the names and types are the struct's


def details_of(line: Line, tenant: str, body: bytes | None) -> QuarantineDetails:
    """Return a line with its body; of one from before bodies were kept whole, only what its text begins with, and
    nothing of one that was too large.
    """
    beginning = (line.beginning or None) if line.tenant == tenant else None
    text = _text(body) if body is not None else beginning
    encoded = b64encode(body).decode() if body is not None else None
    return QuarantineDetails(**_facts(line, tenant), body=encoded, text=text)  # type: ignore[arg-type]  # as above


def _facts(line: Line, tenant: str) -> dict[str, object]:
    own, redriven = line.tenant == tenant, line.redriven_at_ms is not None
    refused = refusal_of(line, tenant)
    return {
        "id": line.id,
        "kind": line.kind,
        "source": line.source,
        "reason": line.reason if own else None,
        "about": line.about if own else None,
        "at": to_time(line.at_ms),
        "size": line.size,
        "redrivable": refused is None and not redriven,
        "obstacle": refused.detail if refused else None,
        "redriven_at": to_time(line.redriven_at_ms) if line.redriven_at_ms is not None else None,
        "redriven_by": line.redriven_by if own else None,
        "redriven_why": line.redriven_why if own else None,
        "published": redriven and not line.waiting,
    }


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
