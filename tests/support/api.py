"""A client of the dispatcher's HTTP API, as a user would write one: small structs, and waiting with a deadline."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from support.eventually import eventually

FINISHED = ("completed", "partial", "failed")
FAR_OFF = f"{datetime.now(UTC) + timedelta(days=400):%Y-%m-%d}T09:00:00Z"
"""A time for a campaign that shall not start while a test runs."""


class Campaign(msgspec.Struct, frozen=True):
    """A campaign as the API shows it."""

    broadcast_id: str
    status: str
    total_recipients: int
    counts: dict[str, int]
    sent_count: int
    failed_count: int
    queued_count: int
    created_at: str
    started_at: str | None
    finished_at: str | None

    @property
    def outcome(self) -> tuple[str, int, int]:
        """What it came to: the status, how many were sent, how many failed."""
        return self.status, self.sent_count, self.failed_count


class Recipient(msgspec.Struct, frozen=True):
    """A recipient as the API shows it."""

    recipient: str
    kind: str
    lead_id: str | None
    status: str
    attempt: int
    message_id: str | None
    error_code: int | None
    error_message: str | None
    vps_error: str | None
    queued_at: str
    sent_at: str | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None
    delivered_count: int
    read_count: int
    reaction_count: int


class Step(msgspec.Struct, frozen=True):
    """One step of a recipient's history."""

    event: str
    at: datetime
    status: str
    details: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever the status."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Api:
    """Calls one API with one key."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str) -> None:
        self.url = url
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Any call; `body` is a value, or raw bytes."""
        raw = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        async with self._http.request(
            method, self.url + path, data=raw, params=query, headers=self._headers
        ) as answer:
            return Answer(answer.status, answer.content_type, await answer.read())

    async def create(self, session_id: str, groups: list[str], **fields: Any) -> str:
        """Create a campaign to groups; return its broadcast_id."""
        recipients = [{"group_jid": jid} for jid in groups]
        body = {"session_id": session_id, "message": "hello", "recipients": recipients, **fields}
        answer = await self.call("POST", "/api/campaigns", body)
        assert answer.status == 202, answer
        return str(answer.json["broadcast_id"])

    async def campaign(self, broadcast_id: str) -> Campaign:
        """How a campaign stands."""
        return await self._get(f"/api/campaigns/{broadcast_id}", Campaign)

    async def recipients(self, broadcast_id: str, **query: str) -> dict[str, Recipient]:
        """All recipients of a campaign by JID, page by page, in the order of the request."""
        found: dict[str, Recipient] = {}
        after: dict[str, str] = {}
        while True:
            path = f"/api/campaigns/{broadcast_id}/recipients"
            page = (await self.call("GET", path, **query, **after, limit="1000")).json
            rows = msgspec.convert(page["items"], list[Recipient])
            found |= {row.recipient: row for row in rows}
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    async def recipient(self, broadcast_id: str, jid: str) -> Recipient:
        """How one recipient stands."""
        return await self._get(f"/api/campaigns/{broadcast_id}/recipients/{quote(jid)}", Recipient)

    async def history(self, broadcast_id: str, jid: str) -> list[Step]:
        """What happened to a recipient."""
        answer = await self.call("GET", f"/api/campaigns/{broadcast_id}/recipients/{quote(jid)}/history")
        return msgspec.convert(answer.json["items"], list[Step])

    async def until(self, broadcast_id: str, *statuses: str, within_s: float = 45) -> Campaign:
        """Wait until a campaign stands in one of these statuses."""

        async def stands() -> Campaign:
            campaign = await self.campaign(broadcast_id)
            assert campaign.status in statuses, campaign
            return campaign

        return await eventually(stands, within_s)

    async def until_finished(self, broadcast_id: str, within_s: float = 45) -> Campaign:
        """Wait until no recipient is open any more."""
        return await self.until(broadcast_id, *FINISHED, within_s=within_s)

    async def until_outcome(
        self, broadcast_id: str, status: str, sent: int, failed: int, within_s: float = 45
    ) -> Campaign:
        """Wait until a campaign has come to this."""

        async def stands() -> Campaign:
            campaign = await self.campaign(broadcast_id)
            assert campaign.outcome == (status, sent, failed), campaign
            return campaign

        return await eventually(stands, within_s)

    async def until_recipient(
        self, broadcast_id: str, jid: str, *statuses: str, within_s: float = 45
    ) -> Recipient:
        """Wait until a recipient stands in one of these statuses."""

        async def stands() -> Recipient:
            recipient = await self.recipient(broadcast_id, jid)
            assert recipient.status in statuses, recipient
            return recipient

        return await eventually(stands, within_s)

    async def until_step(self, broadcast_id: str, jid: str, event: str, within_s: float = 45) -> list[Step]:
        """Wait until an event has happened to a recipient; return its history."""

        async def happened() -> list[Step]:
            steps = await self.history(broadcast_id, jid)
            assert event in [step.event for step in steps], steps
            return steps

        return await eventually(happened, within_s)

    async def _get(self, path: str, kind: Any) -> Any:
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body, type=kind)
