"""Commands to events to rows: one batch, decided in memory, written in one transaction."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dispatcher.domain import campaign as campaigns
from dispatcher.domain import (
    campaign_commands,
    campaign_decider,
    command_answer,
    dismissal,
    quarantine_redrive,
    recipient_commands,
    recipient_decider,
    recipient_events,
    session_decider,
)
from dispatcher.domain import group as groups
from dispatcher.domain import session as sessions
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.domain.failure import GROUP_REFUSED, SessionEffect, meaning_of
from dispatcher.projections import (
    campaign_status,
    dismissals,
    group_directory,
    recipient_status,
    session_status,
)
from dispatcher.projections.changes import Changes
from dispatcher.projections.write import write
from dispatcher.store import stream_names
from dispatcher.store.postgres import Recorded, appending
from dispatcher.store.stream_names import CommandKey, GroupKey, Key
from dispatcher.store.writes import Writes

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class Rules(msgspec.Struct, frozen=True):
    """The settings that decisions depend on. `park_seconds[n]`: how long the n-th parking of a session lasts;
    `skew_ms`: how far the VPS's clock may be from ours.
    """

    retry: RetryPolicy = RetryPolicy()
    park_seconds: tuple[float, ...] = (2, 5, 10, 30, 60)
    skew_ms: int = 2_000


class Cause(msgspec.Struct, frozen=True):
    """What led to an event: the story it belongs to, and the message (if any) that it answers."""

    correlation: str
    causation: str | None = None


@asynccontextmanager
async def batch(
    engine: AsyncEngine, rules: Rules, now_ms: int
) -> AsyncIterator[tuple[AsyncConnection, "Handling"]]:
    """Open a transaction under the append lock to decide in; it is committed at the end, and what campaigns came to
    is logged.
    """
    handling = Handling(rules, now_ms)
    async with appending(engine) as connection:
        yield connection, handling
        await handling.commit(connection)
    handling.log()


class Handling:
    """One batch under the append lock: load, tell, then commit once."""

    def __init__(self, rules: Rules, now_ms: int) -> None:
        self.rules = rules
        self.now_ms = now_ms
        self.changes = Changes()
        self.records: list[Recorded] = []
        self.writes = Writes()
        self.looked_up: set[GroupKey] = set()
        self._causes: dict[UUID, Cause] = {}
        self._of_campaigns: list[tuple[UUID, Recorded]] = []

    async def load(
        self,
        connection: AsyncConnection,
        keys: Collection[Key] = (),
        campaign_ids: Collection[UUID] = (),
        session_ids: Collection[str] = (),
        group_keys: Collection[GroupKey] = (),
    ) -> None:
        """Load the states that will be told something; what was loaded or made before stays."""
        changes = self.changes
        for row in await recipient_status.load(
            connection, [key for key in keys if key not in changes.recipients]
        ):
            changes.recipients[row.key] = row
        wanted = {*campaign_ids, *(key[0] for key in keys)} - changes.campaigns.keys()
        for campaign in await campaign_status.load(connection, wanted):
            changes.campaigns[campaign.campaign_id] = campaign
        unknown = [session_id for session_id in session_ids if session_id not in changes.sessions]
        for session in await session_status.load(connection, unknown):
            changes.sessions[session.session_id] = session
        unseen = set(group_keys) - self.looked_up
        for group in await group_directory.load(connection, unseen):
            changes.groups[group.key] = group
        self.looked_up |= unseen

    def tell_recipient(self, key: Key, command: recipient_commands.Command, cause: Cause) -> bool:
        """Let a recipient decide; return whether that changed anything."""
        row = self.changes.recipients.get(key)
        if row is None:
            return False
        events = recipient_decider.decide(command, row.state, self.rules.retry)
        self.record_recipient(key, events, cause)
        if events and isinstance(command, recipient_commands.RecordErrorAck):
            self._affect_session(key, command, cause)
            self._mark_group(key, command, cause)
        return bool(events)

    def tell_campaign(
        self, campaign_id: UUID, command: campaign_commands.Command, cause: Cause
    ) -> list[campaigns.Event] | campaign_decider.Rejected:
        """Let a campaign decide; return what happened, or why nothing can."""
        row = self.changes.campaigns[campaign_id]
        decided = campaign_decider.decide(command, row.campaign, row.tally)
        if not isinstance(decided, campaign_decider.Rejected):
            self.record_campaign(campaign_id, decided, cause)
        return decided

    def tell_session(self, session_id: str, command: session_decider.Command, cause: Cause) -> None:
        """Let a session decide."""
        row = self.changes.sessions.get(session_id)
        state = row.state if row else sessions.UNKNOWN
        for event in session_decider.decide(command, state, self.rules.park_seconds):
            changed = self.changes.apply_to_session(session_id, event)
            stream = stream_names.of_session(session_id)
            self._record(stream, changed.version, event, changed.state.status, changed.state.tenant, cause)

    def tell_group(self, key: GroupKey, command: groups.Command, cause: Cause) -> bool:
        """Let a group that was looked up decide; return whether that changed anything."""
        row = self.changes.groups.get(key)
        events = groups.decide(command, row.state if row else groups.INITIAL)
        for event in events:
            changed = self.changes.apply_to_group(key, event)
            session = self.changes.sessions.get(key.session_id)
            tenant = session.state.tenant if session else ""
            status = "sendable" if changed.state.sendable else "not_sendable"
            self._record(stream_names.of_group(key), changed.version, event, status, tenant, cause)
        return bool(events)

    def record_recipient(self, key: Key, events: Iterable[recipient_events.Event], cause: Cause) -> None:
        """Record facts about a recipient whose campaign is loaded."""
        stream = stream_names.of_recipient(key)
        for event in events:
            changed = self.changes.apply_to_recipient(key, event)
            tenant = self.changes.campaigns[key[0]].campaign.tenant
            self._record(stream, changed.version, event, changed.state.status.value, tenant, cause)
            self._causes[key[0]] = cause

    def record_campaign(self, campaign_id: UUID, events: Iterable[campaigns.Event], cause: Cause) -> None:
        """Record facts about a campaign."""
        stream = stream_names.of_campaign(campaign_id)
        for event in events:
            changed = self.changes.apply_to_campaign(campaign_id, event)
            state = changed.campaign
            self._record(stream, changed.version, event, state.status.value, state.tenant, cause)
            self._of_campaigns.append((campaign_id, self.records[-1]))

    def record_answer(
        self, key: CommandKey, answer: command_answer.Event, status: str, tenant: str, cause: Cause
    ) -> None:
        """Record what became of a command; `status` is where its campaign stands."""
        self._record(stream_names.of_command(key), 1, answer, status, tenant, cause)

    async def dismiss(
        self, connection: AsyncConnection, dismissed: dismissal.Dismissed, cause: Cause
    ) -> bool:
        """Record that a tenant lets an item be; return whether that is new."""
        key = dismissed.tenant, dismissed.item
        if await dismissals.load(connection, [key]):
            return False
        self.changes.apply_dismissal(dismissed)
        self._record(stream_names.of_item(*key), 1, dismissed, "dismissed", dismissed.tenant, cause)
        return True

    def record_redrive(self, redriven: quarantine_redrive.QuarantineRedriven, cause: Cause) -> None:
        """Record that something in quarantine, which was not yet, is sent again."""
        stream = stream_names.of_quarantined(redriven.item)
        self._record(stream, 1, redriven, "redriven", redriven.tenant, cause)

    async def commit(self, connection: AsyncConnection) -> None:
        """Conclude the campaigns whose totals changed, append the events and write the rows."""
        self.conclude()
        self.writes.append(self.records)
        write(self.writes, self.changes)
        await self.writes.carry_out(connection)

    def log(self) -> None:
        """Log what campaigns came to."""
        for campaign_id, record in self._of_campaigns:
            tally = self.changes.campaigns[campaign_id].tally
            log.info(
                "[WA_BROADCAST] %s broadcast_id=%s status=%s queued_count=%d sent_count=%d failed_count=%d",
                record.type,
                campaign_id,
                record.status,
                tally.queued,
                tally.succeeded,
                tally.failed,
            )

    def conclude(self) -> None:
        """Let the totals follow the recipients, and the campaigns their totals."""
        for campaign_id in self.changes.add_up():
            row = self.changes.campaigns[campaign_id]
            events = campaigns.conclude(row.campaign, row.tally, self.now_ms)
            self.record_campaign(campaign_id, events, self._causes[campaign_id])

    def session_of(self, key: Key, number: int) -> str:
        """Return the session that an attempt of a recipient went through."""
        attempt = self.changes.recipients[key].state.attempt(number)
        return self.changes.campaigns[key[0]].campaign.session_of(attempt.session_id if attempt else None)

    def _mark_group(self, key: Key, command: recipient_commands.RecordErrorAck, cause: Cause) -> None:
        """Remember a group that cannot be written to."""
        group_key = GroupKey(self.session_of(key, command.attempt), key[1])
        if command.code == GROUP_REFUSED and group_key in self.looked_up:
            error = f"Error {command.code}: {command.message}"
            self.tell_group(group_key, groups.Refuse(self.now_ms, error), cause)

    def _affect_session(self, key: Key, command: recipient_commands.RecordErrorAck, cause: Cause) -> None:
        error = f"Error {command.code}: {command.message}"
        session_id = self.session_of(key, command.attempt)
        match meaning_of(command.code).session:
            case SessionEffect.STOP:
                self.tell_session(session_id, session_decider.Stop(self.now_ms, error), cause)
            case SessionEffect.CHECK:
                self.tell_session(session_id, session_decider.Park(self.now_ms, error), cause)
            case SessionEffect.NONE:
                pass

    def _record(
        self,
        stream: str,
        version: int,
        event: recipient_events.Event
        | campaigns.Event
        | sessions.Event
        | groups.Event
        | command_answer.Event
        | dismissal.Dismissed
        | quarantine_redrive.QuarantineRedriven,
        status: str,
        tenant: str,
        cause: Cause,
    ) -> None:
        self.records.append(
            Recorded(
                stream,
                version,
                str(event.__struct_config__.tag),
                msgspec.Raw(_encode(event)),
                status,
                tenant,
                cause.correlation,
                cause.causation,
                self.now_ms,
            )
        )
