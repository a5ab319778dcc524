"""Accept a campaign: once, however often it is asked for. Record it and its recipients in chunks; it may be sent when
all are recorded. One that was cut off sends nothing, and a repeat of the request completes it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.domain import campaign as campaigns
from dispatcher.domain.recipient_events import Event, Queued, Skipped
from dispatcher.domain.session_decider import Use
from dispatcher.domain.status import CampaignStatus
from dispatcher.enrolment import Accepted, Enrolled, scheduled_at_ms
from dispatcher.handling import Cause, Handling, Rules, batch
from dispatcher.projections import group_directory, idempotency, recipient_status
from dispatcher.projections.rows import CampaignRow


class Different(Exception):
    """The key, or the id, of a request names a campaign that says something else."""


class SomebodyElses(Exception):
    """The session belongs to another tenant."""


class Recording(msgspec.Struct, frozen=True):
    """A campaign as it stands after a request; `repeated`: it was there already."""

    row: CampaignRow
    repeated: bool


class Clerk(msgspec.Struct, frozen=True):
    """Records campaigns. `chunk` is how many recipients one transaction takes: it bounds how long callbacks wait.
    For `window_ms` the same content to the same recipients is the same campaign, whatever it is called.
    """

    engine: AsyncEngine
    rules: Rules
    chunk: int = 2000
    window_ms: int = 0

    async def find(self, tenant: str, accepted: Accepted, now_ms: int) -> UUID | None:
        """Return the campaign that a request repeats, as far as can be seen without the append lock."""
        async with self.engine.connect() as connection:
            return await self._find(connection, tenant, accepted, now_ms)

    async def record(
        self, tenant: str, campaign_id: UUID, accepted: Accepted, cause: Cause, now_ms: int
    ) -> Recording:
        """Record a campaign and its recipients under `campaign_id`, unless the same was asked for before.

        A repeat of a complete campaign changes nothing; one that was cut off goes on where it stopped. Raises
        `Different` when the key or the id was used for something else, `SomebodyElses` when the session is another
        tenant's: of two that want one that nobody has used, the first to be recorded gets it.
        """
        chunks = _chunks(accepted.recipients, self.chunk)
        async with batch(self.engine, self.rules, now_ms) as (connection, handling):
            found = await self._find(connection, tenant, accepted, now_ms)
            campaign_id = found or campaign_id
            repeated = await self._open(connection, handling, campaign_id, tenant, accepted, cause)
            await _put(connection, handling, campaign_id, next(chunks), cause)
        row = handling.changes.campaigns[campaign_id]
        for chunk in chunks:
            if not _unfinished(row.campaign):
                break
            async with batch(self.engine, self.rules, now_ms) as (connection, handling):
                await handling.load(connection, campaign_ids=[campaign_id])
                await _put(connection, handling, campaign_id, chunk, cause)
            row = handling.changes.campaigns[campaign_id]
        return Recording(row, repeated)

    async def _find(
        self, connection: AsyncConnection, tenant: str, accepted: Accepted, now_ms: int
    ) -> UUID | None:
        """Return the campaign that the key names, else the one that said the same within the window."""
        if key := accepted.spec.idempotency_key:
            for row in (await idempotency.load(connection, [(tenant, key)])).values():
                return row.campaign_id
        since_ms = now_ms - self.window_ms
        return await idempotency.lately(connection, tenant, accepted.fingerprint, since_ms)

    async def _open(
        self,
        connection: AsyncConnection,
        handling: Handling,
        campaign_id: UUID,
        tenant: str,
        accepted: Accepted,
        cause: Cause,
    ) -> bool:
        """Record that the campaign is accepted, or that it was asked for again under another key; return whether it
        was there.
        """
        await handling.load(connection, campaign_ids=[campaign_id])
        row = handling.changes.campaigns.get(campaign_id)
        if row is None:
            session_id = accepted.spec.session_id
            await handling.load(connection, session_ids=[session_id])
            known = handling.changes.sessions.get(session_id)
            if known is not None and known.state.tenant not in ("", tenant):
                raise SomebodyElses
            handling.record_campaign(campaign_id, [_accepted(tenant, accepted, handling.now_ms)], cause)
            handling.tell_session(session_id, Use(handling.now_ms, tenant), cause)
            return False
        key = accepted.spec.idempotency_key
        named = await idempotency.load(connection, [(tenant, key)]) if key else {}
        same = row.campaign.fingerprint == accepted.fingerprint
        same = same or (bool(named) and _chosen_before(row.campaign, accepted))
        if row.campaign.tenant != tenant or not same:
            raise Different
        if named and not _paced_alike(row.campaign, _accepted(tenant, accepted, 0)):
            raise Different
        if key and not named:
            handling.record_campaign(campaign_id, [campaigns.Repeated(handling.now_ms, key)], cause)
        return True


async def _put(
    connection: AsyncConnection,
    handling: Handling,
    campaign_id: UUID,
    enrolled: Sequence[Enrolled],
    cause: Cause,
) -> None:
    """Record those recipients that are not recorded yet, behind those that are; queue the campaign after the last."""
    row = handling.changes.campaigns[campaign_id]
    if not _unfinished(row.campaign):
        return
    jids = [one.address.jid for one in enrolled]
    known = await recipient_status.known(connection, campaign_id, jids) if row.tally.total else set[str]()
    barred = await group_directory.barred(connection, row.campaign.session_id, jids)
    missing = (one for one in enrolled if one.address.jid not in known)
    now_ms = handling.now_ms
    for position, one in enumerate(missing, row.tally.total):
        jid = one.address.jid
        facts: list[Event] = [Queued(now_ms, now_ms, one.address.kind, position, one.lead_id, one.fields)]
        if jid in barred:
            facts.append(Skipped(now_ms, barred[jid]))
        handling.record_recipient((campaign_id, jid), facts, cause)
    handling.conclude()
    row = handling.changes.campaigns[campaign_id]
    handling.record_campaign(campaign_id, campaigns.queue_up(row.campaign, row.tally, now_ms), cause)
    row = handling.changes.campaigns[campaign_id]
    if not row.tally.open:
        handling.record_campaign(campaign_id, campaigns.conclude(row.campaign, row.tally, now_ms), cause)


def _unfinished(campaign: campaigns.Campaign) -> bool:
    """Tell whether recipients are still to be recorded."""
    return campaign.stage is CampaignStatus.ACCEPTED and campaign.cancelled_at_ms is None


def _chosen_before(campaign: campaigns.Campaign, accepted: Accepted) -> bool:
    """Tell whether a request for all groups of a session is the one that is recorded completely: it went to the groups
    of that time, though the directory may list others by now.
    """
    wants_all = accepted.spec.groups is not None and accepted.spec.groups.all
    session_id = campaign.first_session_id or campaign.session_id
    wanted = accepted.spec.session_id, accepted.content
    return wants_all and not _unfinished(campaign) and wanted == (session_id, campaign.content)


def _paced_alike(campaign: campaigns.Campaign, accepted: campaigns.Accepted) -> bool:
    """Tell whether a request wants what the campaign has, beside its content and recipients."""
    return (campaign.priority, campaign.delay_ms) == (accepted.priority, accepted.delay_ms)


def _accepted(tenant: str, accepted: Accepted, now_ms: int) -> campaigns.Accepted:
    spec = accepted.spec
    return campaigns.Accepted(
        now_ms,
        tenant,
        spec.session_id,
        accepted.content,
        len(accepted.recipients),
        spec.priority,
        round(spec.delay_seconds * 1000),
        idempotency_key=spec.idempotency_key,
        fingerprint=accepted.fingerprint,
        scheduled_at_ms=scheduled_at_ms(spec),
    )


def _chunks(recipients: Sequence[Enrolled], size: int) -> Iterator[list[Enrolled]]:
    entries = iter(recipients)
    while chunk := list(islice(entries, size)):
        yield chunk
