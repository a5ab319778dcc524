"""Campaign commands in. Each is carried out once, and answered by an event with its correlation."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from contracts.commands import CampaignCommand, CampaignSpec, Command, CreateCampaign
from contracts.envelope import type_of
from dispatcher.consumers.batch import Refused
from dispatcher.consumers.wishes import wish_of
from dispatcher.creation import Clerk, Different, SomebodyElses
from dispatcher.domain.campaign_decider import Rejected
from dispatcher.domain.media import media_refusal
from dispatcher.domain.phone import CountryCodes
from dispatcher.enrolment import Accepted, Bounds, check, schedule_refusal
from dispatcher.group_choice import NotChosen, choose
from dispatcher.handling import Cause, batch
from dispatcher.steering import Asked, answer, carry_out, is_answered
from dispatcher.store.postgres import without_nul
from dispatcher.store.stream_names import CommandKey

_decode: Callable[[bytes], Command] = msgspec.json.Decoder(Command).decode


def decode(body: bytes) -> Command:
    """Return the command in a message; a NUL in it, which no query can name, becomes the replacement character."""
    return _decode(without_nul(body))


class Commands(msgspec.Struct, frozen=True):
    """Carries campaign commands out; each is repeatable: a creation without a key goes by its `broadcast_id`.
    `bounds` are what a campaign may be.
    """

    clerk: Clerk
    country_codes: CountryCodes
    now_ms: Callable[[], int]
    bounds: Bounds

    async def handle(self, commands: Sequence[Command]) -> None:
        """Carry commands out, one after the other."""
        for command in commands:
            campaign_id, asked = _campaign_id(command), _asked(command)
            cause = Cause(command.correlation, command.id)
            if isinstance(command, CreateCampaign):
                await self._create(command, campaign_id, asked, cause)
            else:
                country_code = self.country_codes.of(command.tenant)
                wish = wish_of(command, campaign_id, cause, asked, self.now_ms(), country_code)
                await carry_out(self.clerk.engine, self.clerk.rules, wish)

    async def _create(self, command: CreateCampaign, campaign_id: UUID, asked: Asked, cause: Cause) -> None:
        key = command.campaign.idempotency_key or str(campaign_id)
        enrolled = await self._enrol(command.tenant, command.campaign, key)
        rejected = enrolled if isinstance(enrolled, Rejected) else None
        if isinstance(enrolled, Accepted):
            try:
                recording = await self.clerk.record(
                    command.tenant, campaign_id, enrolled, cause, self.now_ms()
                )
                campaign_id = recording.row.campaign_id
            except Different:
                rejected = SAYS_SOMETHING_ELSE
            except SomebodyElses:
                rejected = NO_SUCH_SESSION
        async with batch(self.clerk.engine, self.clerk.rules, self.now_ms()) as (connection, handling):
            if not await is_answered(connection, asked):
                await handling.load(connection, campaign_ids=[campaign_id])
                answer(handling, asked, command.tenant, campaign_id, cause, rejected)

    async def _enrol(self, tenant: str, campaign: CampaignSpec, key: str) -> Accepted | Rejected:
        """Return the campaign with its recipients checked, or why it cannot be created; 100,000 phones take seconds, so
        they are not checked on the event loop.
        """
        media_url = campaign.media_url
        if media_url is not None and (refusal := media_refusal(media_url, self.bounds.media_hosts)):
            return Rejected("MEDIA_URL_REFUSED", f"media_url {refusal}")
        if refusal := schedule_refusal(campaign, self.now_ms(), self.bounds.schedule_ahead_days):
            return Rejected("SCHEDULED_AT_REFUSED", f"scheduled_at {refusal}")
        chosen = await choose(self.clerk.engine, tenant, campaign)
        if isinstance(chosen, NotChosen):
            return Rejected(chosen.code, chosen.detail)
        recipients = [*campaign.recipients, *(chosen.recipients if chosen else ())]
        most = self.bounds.max_recipients
        if len(recipients) > most:
            detail = f"a campaign takes at most {most} recipients"
            return Rejected("TOO_MANY_RECIPIENTS", detail)
        spec = msgspec.structs.replace(campaign, idempotency_key=key, recipients=recipients)
        accepted = await asyncio.to_thread(check, spec, self.country_codes.of(tenant))
        return _refusal(accepted) or accepted


NO_SUCH_SESSION = Rejected("NOT_FOUND", "there is no such session")
SAYS_SOMETHING_ELSE = Rejected(
    "IDEMPOTENCY_KEY_REUSED", "its broadcast_id or idempotency_key names a campaign that says something else"
)


def _refusal(accepted: Accepted) -> Rejected | None:
    """Return why nobody would get a campaign, or somebody cannot be told its message."""
    if not accepted.recipients:
        return Rejected("NO_VALID_RECIPIENTS", "none of the recipients can be sent to")
    if accepted.incomplete:
        lacking = accepted.incomplete[0]
        return Rejected(
            "UNKNOWN_FIELD", f"recipients[{lacking.index}] has no {lacking.field!r}, which the message wants"
        )
    return None


def _campaign_id(command: CreateCampaign | CampaignCommand) -> UUID:
    try:
        return UUID(command.broadcast_id)
    except ValueError as error:
        raise Refused(f"broadcast_id is not a UUID: {command.broadcast_id!r}") from error


def _asked(command: Command) -> Asked:
    return Asked(CommandKey(f"{command.tenant}+{command.id}"), type_of(command))
