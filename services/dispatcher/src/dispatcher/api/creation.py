"""`POST /api/campaigns`: check the recipients, ask whether the session is connected, record, and answer with proof."""

import asyncio
import logging
from itertools import chain

import msgspec

from contracts.commands import CampaignSpec
from dispatcher.answers import SessionTold
from dispatcher.api import queries
from dispatcher.api.desk import Desk, TenantRequest
from dispatcher.api.orders import Order, ordered
from dispatcher.api.problems import InvalidRecipient, Refusal, not_found
from dispatcher.api.proof import PROOF_ITEMS, Proof, left_out, proof
from dispatcher.api.reach import require_reach
from dispatcher.creation import Different, Recording, SomebodyElses
from dispatcher.domain.media import media_refusal
from dispatcher.enrolment import Accepted, Enrolment, Incomplete, schedule_refusal, scheduled_at_ms
from dispatcher.group_choice import Chosen, Counts, NotChosen, choose
from dispatcher.handling import Cause
from dispatcher.logs import mask

log = logging.getLogger(__name__)

LOGGED_INVALID = 5
"""So many invalid entries of a request are logged, masked."""
CHECK_SECONDS = 5.0
"""So long the VPS may take to tell whether a session is connected; then the sender finds out."""
NOT_CONNECTED = frozenset({"disconnected", "connecting", "qr"})
"""The VPS's words for a session that cannot send; a word that we do not know decides nothing."""


async def create(request: TenantRequest, desk: Desk) -> Proof:
    """Create the campaign that a request asks for; return what came of it, or raise `Refusal`."""
    async with ordered(request) as order:
        _require_media(order.spec.media_url, desk)
        _require_time(order.spec, desk)
        chosen = await _choose_groups(desk, request.user, order.spec)
        accepted = await asyncio.to_thread(_enrol, order, chosen, desk, request.user)
    _log_invalid(accepted)
    _refuse_unsendable(accepted, chosen)
    now_ms = desk.now_ms()
    if await desk.clerk.find(request.user, accepted, now_ms) is None:
        await require_reach(desk.engine, request.user, accepted)
        if not _is_later(accepted, now_ms):
            await _require_connected(desk, accepted.spec.session_id)
    recording = await _record(desk, request.user, accepted, now_ms)
    async with desk.engine.connect() as connection:
        first = await queries.recipients(connection, recording.row.campaign_id, None, -1, PROOF_ITEMS)
    return proof(recording, accepted, first, chosen.counts if chosen else None)


async def _choose_groups(desk: Desk, tenant: str, spec: CampaignSpec) -> Chosen | None:
    chosen = await choose(desk.engine, tenant, spec)
    if isinstance(chosen, NotChosen):
        raise Refusal(400, chosen.detail, code=chosen.code, field=chosen.field)
    return chosen


def _enrol(order: Order, chosen: Chosen | None, desk: Desk, tenant: str) -> Accepted:
    """Go through the entries; 100,000 phones take seconds, so this must not run on the event loop."""
    enrolment = Enrolment(order.spec, desk.country_codes.of(tenant))
    for entry in chain(order.entries, chosen.recipients if chosen else []):
        if enrolment.entries == desk.bounds.max_recipients:
            raise Refusal(
                413,
                f"a campaign takes at most {desk.bounds.max_recipients} recipients",
                code="TOO_MANY_RECIPIENTS",
                field="recipients",
            )
        enrolment.add(entry)
    return enrolment.close()


async def _record(desk: Desk, tenant: str, accepted: Accepted, now_ms: int) -> Recording:
    campaign_id = desk.new_id()
    try:
        recording = await desk.clerk.record(tenant, campaign_id, accepted, Cause(str(campaign_id)), now_ms)
    except SomebodyElses as error:
        raise not_found("session") from error
    except Different as error:
        raise Refusal(
            409,
            "this idempotency key was used for a campaign that says something else",
            code="IDEMPOTENCY_KEY_REUSED",
            field="idempotency_key",
        ) from error
    log.info(
        "[WA_BROADCAST] %s broadcast_id=%s queued_count=%d invalid=%d",
        "repeated" if recording.repeated else "accepted",
        recording.row.campaign_id,
        recording.row.tally.queued,
        len(accepted.invalid),
    )
    return recording


async def _require_connected(desk: Desk, session_id: str) -> None:
    """Refuse when the VPS says that the session cannot send. Where it does not say, the sender will find out."""
    try:
        told = await asyncio.wait_for(desk.ask_session(session_id), CHECK_SECONDS)
    except TimeoutError:
        return
    if isinstance(told, SessionTold) and told.status in NOT_CONNECTED:
        raise Refusal(
            503,
            f"the session is not connected: it is {told.status}",
            code="WHATSAPP_NOT_CONNECTED",
            field="session_id",
            headers={"Retry-After": "30"},
        )


def _is_later(accepted: Accepted, now_ms: int) -> bool:
    """Tell whether the campaign is scheduled: how its session is now says nothing about then."""
    due_at_ms = scheduled_at_ms(accepted.spec)
    return due_at_ms is not None and due_at_ms > now_ms


def _require_media(media_url: str | None, desk: Desk) -> None:
    """Refuse an address that the VPS should not fetch."""
    if media_url is not None and (refusal := media_refusal(media_url, desk.bounds.media_hosts)):
        raise Refusal(400, f"media_url {refusal}", code="MEDIA_URL_REFUSED", field="media_url")


def _require_time(spec: CampaignSpec, desk: Desk) -> None:
    """Refuse a time that nobody can mean."""
    if refusal := schedule_refusal(spec, desk.now_ms(), desk.bounds.schedule_ahead_days):
        raise Refusal(400, f"scheduled_at {refusal}", code="SCHEDULED_AT_REFUSED", field="scheduled_at")


def _log_invalid(accepted: Accepted) -> None:
    for entry in accepted.invalid[:LOGGED_INVALID]:
        shown = mask(f"…{entry.address[-3:]}") if entry.address else "-"
        log.warning("[WA_BROADCAST] invalid recipient=%s reason=%s", shown, entry.reason)


def _refuse_unsendable(accepted: Accepted, chosen: Chosen | None) -> None:
    """Refuse a campaign that nobody would get, or whose message cannot be filled for somebody."""
    if accepted.incomplete:
        raise _unfilled(accepted.incomplete)
    if accepted.recipients:
        return
    if not accepted.invalid and chosen:
        raise Refusal(
            400,
            f"none of the groups can be sent to: {_told(chosen.counts)}",
            code="NO_VALID_RECIPIENTS",
            field="groups",
        )
    if not accepted.invalid:
        raise Refusal(400, "the request names no recipient", code="NO_RECIPIENTS", field="recipients")
    raise Refusal(
        400,
        "none of the recipients can be sent to",
        code="NO_VALID_RECIPIENTS",
        field="recipients",
        invalid_recipients=left_out(accepted.invalid),
    )


def _told(counts: Counts) -> str:
    return ", ".join(f"{count} {why}" for why, count in msgspec.structs.asdict(counts).items() if count)


def _unfilled(incomplete: list[Incomplete]) -> Refusal:
    first = incomplete[0]
    told = [InvalidRecipient(one.index, "unknown_field", field=one.field) for one in incomplete]
    return Refusal(
        400,
        f"recipient {first.index} has no {first.field!r}, which the message wants",
        code="UNKNOWN_FIELD",
        field=f"recipients[{first.index}].{first.field}",
        invalid_recipients=told,
    )
