"""The published contract of `POST /api/campaigns`: its three kinds of body, which Litestar cannot see, since we read
them ourselves.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIMediaType,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

from contracts.commands import CampaignSpec, GroupChoice

REF = "#/components/schemas/{name}"
CAMPAIGN = Reference(REF.format(name=CampaignSpec.__name__))

_EXAMPLE = {
    "session_id": "wa_demo",
    "message": "Hello {{name}}",
    "recipients": [{"phone": "+972501234567", "lead_id": "L7", "name": "Ada"}],
}
_CSV = "phone,lead_id,name\n+972501234567,L7,Ada\n"


@dataclass
class StructSchema(Schema):
    """A JSON Schema that msgspec made."""

    document: dict[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        """Return the schema as it is."""
        return self.document


@dataclass
class CreateOperation(Operation):
    """Documents the bodies and the header of a creation."""

    def __post_init__(self) -> None:
        """Add what Litestar could not see."""
        file = Schema(
            type=OpenAPIType.STRING,
            description="CSV with titles: phone or group_jid, lead_id, name; others are fields for the message.",
        )
        form = Schema(
            type=OpenAPIType.OBJECT,
            required=["campaign", "recipients"],
            properties={"campaign": CAMPAIGN, "recipients": file},
            description="The campaign as JSON, without recipients, and the recipients as a CSV file.",
        )
        self.request_body = RequestBody(
            description="As text/csv the campaign's other fields stand in the query.",
            required=True,
            content={
                "application/json": OpenAPIMediaType(
                    schema=CAMPAIGN, examples={"campaign": Example(value=_EXAMPLE)}
                ),
                "text/csv": OpenAPIMediaType(schema=file, examples={"list": Example(value=_CSV)}),
                "multipart/form-data": OpenAPIMediaType(schema=form),
            },
        )
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            description="The same key is the same campaign, for ever; may also stand in the body.",
            schema=Schema(type=OpenAPIType.STRING, max_length=255),
        )
        self.parameters = [*(self.parameters or []), key]


def add_bodies(document: OpenAPI) -> None:
    """Add the schemas of the bodies; Litestar keeps only those that it made itself."""
    _, schemas = msgspec.json.schema_components([CampaignSpec], ref_template=REF)
    for name in (CampaignSpec.__name__, GroupChoice.__name__):
        schemas[name]["additionalProperties"] = False  # as `orders` reads them
    made = {name: StructSchema(document=schema) for name, schema in schemas.items()}
    document.components.schemas = {**(document.components.schemas or {}), **made}
