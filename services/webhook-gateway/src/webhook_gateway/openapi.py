"""The published contract of the HTTP side: what each hook takes and answers, for `/schema`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPI,
    OpenAPIMediaType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from contracts import wire
from webhook_gateway.callbacks import Hook
from webhook_gateway.problems import PROBLEM_JSON, Problem

REF = "#/components/schemas/{name}"

SUMMARIES = {
    "send-callback": "A message was written to the socket, or could not be",
    "message-error": "WhatsApp refused a message (error ack)",
    "read-receipt": "A reader's phone has a message, or it was read",
    "reaction": "A reader reacted to a message, or took it back",
    "session-status": "A session changed its state",
    "membership": "Somebody joined or left a group",
}

_GROUP = "120363025246125486@g.us"
_MESSAGE = "3EB0A1B2C3D4E5F6A7B8C9"

EXAMPLES: dict[str, dict[str, Any]] = {
    "send-callback": {
        "event": "message_sent", "sessionId": "wa_x", "groupJid": _GROUP, "messageId": _MESSAGE,
        "status": "sent", "error": None, "timestamp": 1708700000000,
    },
    "message-error": {
        "event": "message_error", "sessionId": "wa_x", "messageId": _MESSAGE, "errorCode": 420,
        "errorMessage": "Rate limit / community parent rejection", "groupJid": _GROUP,
    },
    "read-receipt": {
        "event": "read", "sessionId": "wa_x", "messageId": _MESSAGE, "groupJid": _GROUP,
        "readerPhone": "15550100", "timestamp": "2026-02-15T10:00:00Z",
    },
    "reaction": {
        "event": "reaction_add", "sessionId": "wa_x", "messageId": _MESSAGE, "groupJid": _GROUP,
        "reactorPhone": "15550100", "emoji": "👍", "timestamp": "2026-02-15T10:00:00Z",
    },
    "session-status": {
        "sessionId": "wa_x", "status": "connected", "phoneNumber": "15550100",
        "timestamp": "2026-02-15T10:00:00Z",
    },
    "membership": {
        "event": "join", "sessionId": "wa_x", "groupJid": _GROUP, "participant": {"phone": "15550100"},
        "timestamp": "2026-02-15T10:00:00Z",
    },
}  # fmt: skip


def _refusal(says: str) -> ResponseSpec:
    return ResponseSpec(Problem, generate_examples=False, description=says, media_type=PROBLEM_JSON)


ANSWERS = {
    400: _refusal("Not JSON, or a field is missing or of the wrong type; the body is kept in quarantine"),
    401: _refusal(
        "No key or a wrong key: the body was not read; or a wrong signature, or none where one is required"
    ),
    408: _refusal("The body did not come in time"),
    413: _refusal("The body is over the limit"),
    415: _refusal("The content type is not JSON"),
    429: _refusal("Too many requests for this key; see Retry-After"),
    503: _refusal("Nothing durable could be written; come again, see Retry-After"),
}


@dataclass
class StructSchema(Schema):
    """A JSON Schema that msgspec made."""

    document: dict[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        """Return the schema as it is."""
        return self.document


def summary_of(hook: Hook) -> str:
    """Return the one line that says what a hook is for."""
    return SUMMARIES[hook.name]


def hook_operation(hook: Hook) -> type[Operation]:
    """Return the operation class that documents a hook's body; Litestar cannot see it, since we decode it."""
    name = hook.body.type.__name__

    @dataclass
    class HookOperation(Operation):
        def __post_init__(self) -> None:
            media_type = OpenAPIMediaType(
                schema=Reference(REF.format(name=name)),
                examples={hook.name: Example(value=EXAMPLES[hook.name])},
            )
            self.request_body = RequestBody(content={"application/json": media_type}, required=True)
            self.security = [{"apiKey": []}, {"bearer": []}]

    return HookOperation


def add_bodies(document: OpenAPI, bodies: Iterable[type[wire.Callback]]) -> None:
    """Add the schemas of the hooks' bodies; Litestar keeps only those that it made itself."""
    _, schemas = msgspec.json.schema_components(bodies, ref_template=REF)
    made = {name: StructSchema(document=schema) for name, schema in schemas.items()}
    document.components.schemas = {**(document.components.schemas or {}), **made}


def openapi_config(version: str) -> OpenAPIConfig:
    """Return what `/schema` serves: the page, and `/schema/openapi.json`."""
    return OpenAPIConfig(
        title="webhook-gateway",
        version=version,
        description="Takes the callbacks of a WhatsApp VPS and publishes them durably. 202 says: stored.",
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
                "bearer": SecurityScheme(type="http", scheme="bearer"),
            },
        ),
        render_plugins=[SwaggerRenderPlugin(), JsonRenderPlugin()],
    )
