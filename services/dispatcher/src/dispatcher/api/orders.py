"""A request to create a campaign, in any of its forms: JSON; CSV with the campaign as query parameters; or a form with
the campaign as a JSON part and the recipients as a CSV part.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile

from contracts.commands import CampaignSpec, GroupChoice, IdempotencyKey, RecipientSpec
from dispatcher.api.problems import Refusal, invalid
from dispatcher.api.recipient_files import recipients
from dispatcher.decoding import UNREADABLE, reason_of
from dispatcher.enrolment import Malformed

AnyRequest = Request[Any, Any, Any]

KEY_HEADER = "Idempotency-Key"
SPOOL_BYTES = 1 << 20
"""A file is kept in memory up to this size, on disk beyond."""
NO_RECIPIENTS = msgspec.Raw(b"[]")


class _Groups(GroupChoice, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Groups, chosen by nothing that we do not know."""


class _Campaign(CampaignSpec, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A campaign in which nothing is misspelt: one whose `scheduled_at` is would leave at once."""

    groups: _Groups | None = None


_spec = msgspec.json.Decoder(_Campaign).decode
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Order(msgspec.Struct, frozen=True):
    """A campaign that is wanted. `entries` are its recipients, to be gone through once, away from the event loop."""

    spec: CampaignSpec
    entries: Iterable[RecipientSpec | Malformed]


@asynccontextmanager
async def ordered(request: AnyRequest) -> AsyncIterator[Order]:
    """Read a request; what it brought is kept until the end of the context."""
    media_type = request.content_type[0] or "application/json"
    read = READERS.get(media_type)
    if read is None:
        wanted = ", ".join(READERS)
        raise Refusal(415, f"{media_type} is not understood; send {wanted}", code="UNSUPPORTED_MEDIA_TYPE")
    with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        order = await read(request, spool)
        yield Order(_named(order.spec, request.headers.get(KEY_HEADER)), order.entries)


async def _from_json(request: AnyRequest, spool: "SpooledTemporaryFile[bytes]") -> Order:
    del spool
    spec = await asyncio.to_thread(_decoded, await request.body())
    return Order(msgspec.structs.replace(spec, recipients=[]), _drained(spec.recipients))


def _drained(entries: list[RecipientSpec]) -> Iterator[RecipientSpec]:
    """Go through the entries, letting go of each: what is kept of it takes its place."""
    entries.reverse()
    while entries:
        yield entries.pop()


async def _from_csv(request: AnyRequest, spool: "SpooledTemporaryFile[bytes]") -> Order:
    given = {name: values[-1] for name, values in request.query_params.dict().items()}
    spec = _converted({**given, "recipients": []})
    async for chunk in request.stream():
        spool.write(chunk)
    spool.seek(0)
    return Order(spec, recipients(spool))


async def _from_form(request: AnyRequest, spool: "SpooledTemporaryFile[bytes]") -> Order:
    del spool
    form = await _form_of(request)
    campaign, file = form.get("campaign"), form.get("recipients")
    if campaign is None or not isinstance(file, UploadFile):
        missing = "campaign" if campaign is None else "recipients"
        raise Refusal(
            400,
            "the form needs a part campaign (JSON) and a file recipients (CSV)",
            code="INVALID_REQUEST",
            field=missing,
        )
    body = await campaign.read() if isinstance(campaign, UploadFile) else str(campaign).encode()
    return Order(_without_recipients(body), recipients(file.file))


async def _form_of(request: AnyRequest) -> FormMultiDict:
    """Return the parts of a form; Litestar reads those that are no files as text."""
    try:
        return await request.form()
    except (UnicodeDecodeError, LookupError) as error:
        detail = "a part of the form is not text in UTF-8, or in the encoding that it names"
        raise Refusal(400, detail, code="INVALID_REQUEST", field="campaign") from error


READERS: dict[str, Callable[[AnyRequest, "SpooledTemporaryFile[bytes]"], Awaitable[Order]]] = {
    "application/json": _from_json,
    "text/csv": _from_csv,
    "multipart/form-data": _from_form,
}


def _without_recipients(body: bytes) -> CampaignSpec:
    """Decode a campaign whose recipients stand elsewhere."""
    try:
        parts = _parts(body)
    except UNREADABLE as error:
        raise _refusal(reason_of(error)) from error
    if "recipients" in parts:
        raise Refusal(
            400,
            "the recipients stand in their file; the campaign must not name any",
            code="INVALID_REQUEST",
            field="campaign.recipients",
        )
    return _decoded(msgspec.json.encode({**parts, "recipients": NO_RECIPIENTS}))


def _decoded(body: bytes) -> CampaignSpec:
    """Decode a campaign. One that names groups need not name recipients."""
    try:
        if b'"groups"' in body and "recipients" not in (parts := _parts(body)):
            body = msgspec.json.encode({**parts, "recipients": NO_RECIPIENTS})
        return _spec(body)
    except UNREADABLE as error:
        raise _refusal(reason_of(error)) from error


def _converted(query: dict[str, Any]) -> CampaignSpec:
    try:
        return msgspec.convert(query, _Campaign, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def _refusal(message: str) -> Refusal:
    problem = invalid(message, "data")
    return Refusal(problem.status, problem.detail, code=problem.code, field=problem.field)


def _named(spec: CampaignSpec, header: str | None) -> CampaignSpec:
    """Return the campaign with the key of the header, which may also stand in the body."""
    if header is None:
        return spec
    try:
        key = msgspec.convert(header, IdempotencyKey)
    except msgspec.ValidationError as error:
        raise Refusal(400, str(error), code="INVALID_REQUEST", field=KEY_HEADER) from error
    if spec.idempotency_key not in (None, key):
        raise Refusal(
            400,
            f"{KEY_HEADER} and idempotency_key differ",
            code="INVALID_REQUEST",
            field="idempotency_key",
        )
    return msgspec.structs.replace(spec, idempotency_key=key)
