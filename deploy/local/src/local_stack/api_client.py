"""A client of the dispatcher's HTTP API, as an operator's program would be."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from contracts.commands import CampaignSpec

PAGE = 200


class ApiError(RuntimeError):
    """The API refused a call; the text is its own."""


class Created(msgspec.Struct, frozen=True):
    """The answer to a new campaign, as far as we need it."""

    broadcast_id: str
    queued_count: int
    total_recipients: int


class Campaign(msgspec.Struct, frozen=True):
    """How a campaign stands. `sent_count` counts delivered and read ones as well."""

    broadcast_id: str
    status: str
    total_recipients: int
    counts: dict[str, int]
    sent_count: int
    failed_count: int
    finished_at: str | None = None


class Recipient(msgspec.Struct, frozen=True):
    """How one recipient of a campaign stands."""

    recipient: str
    status: str
    attempt: int = 0
    message_id: str | None = None
    error_message: str | None = None


class RecipientPage(msgspec.Struct, frozen=True):
    """One page of recipients; `next` leads to the following one."""

    items: list[Recipient]
    next: str | None = None


class ApiClient:
    """Calls one API with one key. Use as an async context manager."""

    def __init__(self, url: str, api_key: str) -> None:
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._http = aiohttp.ClientSession(url, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def create(self, campaign: CampaignSpec) -> Created:
        """Create a campaign. Raises ApiError."""
        body = msgspec.json.encode(campaign)
        return msgspec.json.decode(await self._call("POST", "/api/campaigns", body=body), type=Created)

    async def campaign(self, broadcast_id: str) -> Campaign:
        """Return how a campaign stands. Raises ApiError."""
        return msgspec.json.decode(await self._call("GET", f"/api/campaigns/{broadcast_id}"), type=Campaign)

    async def recipients(self, broadcast_id: str) -> list[Recipient]:
        """Return all recipients of a campaign, page by page. Raises ApiError."""
        found: list[Recipient] = []
        after: str | None = ""
        while after is not None:
            query = {"limit": str(PAGE)} | ({"after": after} if after else {})
            answer = await self._call("GET", f"/api/campaigns/{broadcast_id}/recipients", query=query)
            page = msgspec.json.decode(answer, type=RecipientPage)
            found += page.items
            after = page.next
        return found

    async def confirm_sent(self, broadcast_id: str, recipients: Sequence[str]) -> None:
        """Say of recipients that somebody saw their message. Raises ApiError."""
        await self._steer(broadcast_id, "confirm", {"outcome": "sent", "recipients": recipients})

    async def send_again(self, broadcast_id: str, recipients: Sequence[str]) -> None:
        """Send again what nobody can tell of, or what failed. Raises ApiError."""
        await self._steer(broadcast_id, "retry", {"include_unconfirmed": True, "recipients": recipients})

    async def _steer(self, broadcast_id: str, verb: str, wish: dict[str, object]) -> None:
        body = msgspec.json.encode(wish)
        await self._call("POST", f"/api/campaigns/{broadcast_id}/{verb}", body=body)

    async def _call(
        self, method: str, path: str, *, body: bytes | None = None, query: dict[str, str] | None = None
    ) -> bytes:
        async with self._http.request(method, path, data=body, params=query) as response:
            answer = await response.read()
            if response.status >= 400:
                raise ApiError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
            return answer
