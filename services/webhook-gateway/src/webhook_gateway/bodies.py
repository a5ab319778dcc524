"""Bodies: an authenticated request → its raw body, if it is JSON, comes in time, and is signed where it must be."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from webhook_gateway.counters import Counters
from webhook_gateway.problems import AnyRequest, NotJsonError, SlowBodyError
from webhook_gateway.signatures import BadSignatureError, Signatures

JSON_TYPES = (b"application/json", b"text/json")


class BodyReader:
    """Reads bodies. `seconds` is how long a sender may take for one."""

    def __init__(self, signatures: Signatures, seconds: float, counters: Counters) -> None:
        self._signatures = signatures
        self._seconds = seconds
        self._counters = counters

    async def read(self, request: AnyRequest, hook: str, tenant: str, received_at: datetime) -> bytes:
        """Return the body. Raises what `problems` answers with 401, 408, 413 or 415."""
        headers = request.scope["headers"]
        _require_json(headers)
        try:
            async with asyncio.timeout(self._seconds):
                body = await request.body()
            self._signatures.check(tenant, headers, body, received_at.timestamp())
        except TimeoutError:
            self._counters.count(hook, "too_slow")
            raise SlowBodyError from None
        except BadSignatureError:
            self._counters.count(hook, "unsigned")
            raise
        return body


def _require_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a body that says it is something else than JSON; one that says nothing is tried."""
    for name, text in headers:
        if name == b"content-type" and text.partition(b";")[0].strip().lower() not in JSON_TYPES:
            raise NotJsonError
