"""`POST /api/campaigns/{id}/{verb}`: pause, resume, cancel, retry, verify, confirm. Each may be repeated."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from contracts.commands import Reason, Recipients, Who
from dispatcher.api.desk import Desk, TenantRequest
from dispatcher.api.problems import Refusal
from dispatcher.api.views import CampaignView, campaign_view
from dispatcher.domain.campaign_commands import Cancel, Command, Confirm, Pause, Resume, Retry, Verify
from dispatcher.domain.campaign_decider import Rejected
from dispatcher.handling import Cause
from dispatcher.steering import Wish, carry_out


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants it (else the key's tenant does), and why."""

    by: Who | None = None
    why: Reason | None = None


class RetryWords(Words, frozen=True):
    """Which recipients are sent again: these (JIDs or phones), or all that failed. What is unconfirmed may have left,
    and is sent again only with `include_unconfirmed`.
    """

    include_unconfirmed: bool = False
    recipients: Recipients = msgspec.field(default_factory=list)


class ConfirmWords(Words, frozen=True, kw_only=True):
    """What somebody saw became of these recipients (JIDs or phones), or of all that are unconfirmed or failed."""

    outcome: Literal["sent", "failed"]
    recipients: Recipients = msgspec.field(default_factory=list)


class Steering(Controller):
    """Commands to campaigns of the caller's tenant. A state that does not allow one is a 409 with a `code`."""

    path = "/api/campaigns/{campaign_id:uuid}"
    tags = ("campaigns",)

    @post("/pause", status_code=202, summary="Let nothing more leave for now")
    async def pause(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[Words | None] = None
    ) -> CampaignView:
        """Only what is in flight still leaves."""
        return await _tell(campaign_id, request, desk, Pause, data or Words())

    @post("/resume", status_code=202, summary="Go on with a paused campaign")
    async def resume(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[Words | None] = None
    ) -> CampaignView:
        """Nobody gets a message again."""
        return await _tell(campaign_id, request, desk, Resume, data or Words())

    @post("/cancel", status_code=202, summary="Let nothing more leave, ever")
    async def cancel(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[Words | None] = None
    ) -> CampaignView:
        """Cancel what has not left, part by part; what is in flight comes to its end."""
        return await _tell(campaign_id, request, desk, Cancel, data or Words())

    @post("/retry", status_code=202, summary="Send again what failed")
    async def retry(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[RetryWords | None] = None
    ) -> CampaignView:
        """All that failed, part by part, or the recipients that are named, at once and all or none."""
        words = data or RetryWords()
        by, jids = words.by or request.user, _jids(desk, request.user, words.recipients)
        wish = Retry(desk.now_ms(), by, words.why, words.include_unconfirmed, jids)
        return await _told(campaign_id, request, desk, wish)

    @post("/verify", status_code=202, summary="Ask the VPS about all that is unconfirmed or failed")
    async def verify(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[Words | None] = None
    ) -> CampaignView:
        """Let what the VPS knows settle a recipient; where it does not know, nothing changes."""
        return await _tell(campaign_id, request, desk, Verify, data or Words())

    @post("/confirm", status_code=202, summary="Settle by hand what is unconfirmed or failed")
    async def confirm(
        self, campaign_id: UUID, request: TenantRequest, desk: Desk, data: JSONBody[ConfirmWords]
    ) -> CampaignView:
        """All of it, part by part, or the recipients that are named, at once and all or none."""
        by, jids = data.by or request.user, _jids(desk, request.user, data.recipients)
        wish = Confirm(desk.now_ms(), by, data.why, outcome=data.outcome, recipients=jids)
        return await _told(campaign_id, request, desk, wish)


def _jids(desk: Desk, tenant: str, addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(desk.jid_of(tenant, address) for address in addresses)


async def _tell(
    campaign_id: UUID,
    request: TenantRequest,
    desk: Desk,
    kind: type[Pause | Resume | Cancel | Verify],
    words: Words,
) -> CampaignView:
    """Carry out a command that says no more than who wants it and why."""
    return await _told(campaign_id, request, desk, kind(desk.now_ms(), words.by or request.user, words.why))


async def _told(campaign_id: UUID, request: TenantRequest, desk: Desk, command: Command) -> CampaignView:
    wish = Wish(request.user, campaign_id, command, Cause(str(campaign_id)))
    answer = await carry_out(desk.engine, desk.clerk.rules, wish)
    if isinstance(answer, Rejected):
        raise Refusal(404 if answer.code == "NOT_FOUND" else 409, answer.detail, code=answer.code)
    return campaign_view(answer)
