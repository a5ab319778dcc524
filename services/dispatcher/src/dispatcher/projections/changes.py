"""The fold: what a run of events makes of the rows, in memory. Live handling and the rebuild share it."""

from uuid import UUID

from dispatcher.domain import campaign as campaigns
from dispatcher.domain import group as groups
from dispatcher.domain import recipient as recipients
from dispatcher.domain import recipient_events
from dispatcher.domain import session as sessions
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.concern import concern_of
from dispatcher.domain.dismissal import Dismissed
from dispatcher.domain.outcome import outcome_of
from dispatcher.domain.status import Status
from dispatcher.domain.tally import Tally, move
from dispatcher.projections.rows import (
    AttemptRow,
    CampaignRow,
    ConcernRow,
    DismissalRow,
    GroupRow,
    IdempotencyRow,
    MessageIdRow,
    OpenAttemptRow,
    OutcomeRow,
    ReaderKey,
    ReaderRow,
    RecipientRow,
    SessionRow,
)
from dispatcher.store.stream_names import GroupKey, Key

BUCKET_MS = 10_000
"""Outcomes are counted in spans of ten seconds, so that the last five minutes are thirty lines at the most."""


class Changes:
    """Rows as they were loaded, changed by events. What is not loaded does not exist yet.

    `before` and its like hold what changed rows were when they were loaded, None for new ones. In `open_attempts`
    None stands for an attempt that is open no more, in `concerns` for a message that concerns nobody any more. `freed`
    are the sessions on which something is in flight no more.
    """

    def __init__(self) -> None:
        self.recipients: dict[Key, RecipientRow] = {}
        self.campaigns: dict[UUID, CampaignRow] = {}
        self.sessions: dict[str, SessionRow] = {}
        self.groups: dict[GroupKey, GroupRow] = {}
        self.readers: dict[ReaderKey, ReaderRow] = {}
        self.attempts: dict[str, AttemptRow] = {}
        self.open_attempts: dict[str, OpenAttemptRow | None] = {}
        self.freed: set[str] = set()
        self.message_ids: dict[str, MessageIdRow] = {}
        self.concerns: dict[Key, ConcernRow | None] = {}
        self.dismissals: dict[tuple[str, str], DismissalRow] = {}
        self.idempotency_keys: dict[tuple[str, str], IdempotencyRow] = {}
        self.outcomes: dict[tuple[str, int], OutcomeRow] = {}
        self.before: dict[Key, RecipientRow | None] = {}
        self.campaigns_before: dict[UUID, CampaignRow | None] = {}
        self.sessions_before: dict[str, SessionRow | None] = {}
        self.groups_before: dict[GroupKey, GroupRow | None] = {}
        self.differences: dict[UUID, dict[Status, int]] = {}
        self.changed_readers: set[ReaderKey] = set()

    def apply_to_recipient(self, key: Key, event: recipient_events.Event) -> RecipientRow:
        """Change one recipient and all that hangs on it."""
        row = self.recipients.get(key)
        self.before.setdefault(key, row)
        state = recipients.evolve(row.state if row else recipients.INITIAL, event)
        if row is None:
            row = _first_row(key, event, state)
            move(self.differences.setdefault(key[0], {}), None, state.status)
        else:
            self._move(row, state)
            self._follow_outcome(row, state, event)
            self._follow_attempts(row, state)
            self._follow_concern(row, state, event.at_ms)
            row = RecipientRow(
                row.campaign_id, row.recipient, row.position, row.kind, row.lead_id, row.version + 1, state
            )
        self.recipients[key] = row
        self._follow_readers(key, event)
        return row

    def apply_to_campaign(self, campaign_id: UUID, event: campaigns.Event) -> CampaignRow:
        """Change one campaign's own state; its totals follow its recipients."""
        row = self.campaigns.get(campaign_id)
        self.campaigns_before.setdefault(campaign_id, row)
        if row is None:
            changed = CampaignRow(campaign_id, 1, campaigns.evolve(campaigns.Campaign(), event), Tally())
        else:
            state = campaigns.evolve(row.campaign, event)
            changed = CampaignRow(campaign_id, row.version + 1, state, row.tally)
        self.campaigns[campaign_id] = changed
        self._follow_key(changed, event)
        return changed

    def apply_to_session(self, session_id: str, event: sessions.Event) -> SessionRow:
        """Change one session."""
        row = self.sessions.get(session_id)
        self.sessions_before.setdefault(session_id, row)
        version, state = (row.version, row.state) if row else (0, sessions.UNKNOWN)
        changed = SessionRow(session_id, version + 1, sessions.evolve(state, event))
        self.sessions[session_id] = changed
        return changed

    def apply_to_group(self, key: GroupKey, event: groups.Event) -> GroupRow:
        """Change one group."""
        row = self.groups.get(key)
        self.groups_before.setdefault(key, row)
        version, state = (row.version, row.state) if row else (0, groups.INITIAL)
        changed = GroupRow(key.session_id, key.group_jid, version + 1, groups.evolve(state, event))
        self.groups[key] = changed
        return changed

    def apply_dismissal(self, event: Dismissed) -> None:
        """Remember what somebody wants to be told no more."""
        row = DismissalRow(event.tenant, event.item, event.at_ms, event.by, event.why)
        self.dismissals[row.tenant, row.item] = row

    def add_up(self) -> list[UUID]:
        """Add the differences to the campaigns' totals; return the campaigns whose totals changed."""
        changed = []
        for campaign_id, differences in self.differences.items():
            row = self.campaigns[campaign_id]
            tally = row.tally.plus(differences)
            if tally is not row.tally:
                self.campaigns_before.setdefault(campaign_id, row)
                self.campaigns[campaign_id] = CampaignRow(campaign_id, row.version, row.campaign, tally)
                changed.append(campaign_id)
        self.differences.clear()
        return changed

    def _move(self, row: RecipientRow, state: recipients.Recipient) -> None:
        before, after = row.state.status, state.status
        if before is not after:
            move(self.differences.setdefault(row.campaign_id, {}), before, after)

    def _follow_outcome(
        self, row: RecipientRow, state: recipients.Recipient, event: recipient_events.Event
    ) -> None:
        """Add what came of a message to the ten seconds in which it did."""
        outcome = outcome_of(row.state, state, event)
        if outcome is None:
            return
        key = self.campaigns[row.campaign_id].campaign.tenant, event.at_ms - event.at_ms % BUCKET_MS
        known = self.outcomes.get(key)
        self.outcomes[key] = OutcomeRow(*key, known.outcome.plus(outcome) if known else outcome)

    def _follow_attempts(self, row: RecipientRow, state: recipients.Recipient) -> None:
        """Keep the look-ups of the attempts that this step touched."""
        if state.attempts is row.state.attempts:
            return
        known = {attempt.id: attempt for attempt in row.state.attempts}
        for attempt in state.attempts:
            before = known.get(attempt.id)
            if attempt is not before:
                self._follow_attempt(row, before, attempt)

    def _follow_attempt(self, row: RecipientRow, before: Attempt | None, attempt: Attempt) -> None:
        campaign_id, recipient, number = row.campaign_id, row.recipient, attempt.number
        session_id = self.campaigns[campaign_id].campaign.session_of(attempt.session_id)
        if before is None:
            self.attempts[attempt.id] = AttemptRow(
                attempt.id, campaign_id, recipient, number, session_id, attempt.started_at_ms
            )
        if before is None or before.message_id != attempt.message_id:
            known = self.message_ids.get(attempt.message_id)  # two attempts may claim one: the latest has it
            latest = max(number, known.attempt) if known and known.recipient == recipient else number
            self.message_ids[attempt.message_id] = MessageIdRow(
                attempt.message_id, campaign_id, recipient, latest
            )
        if attempt.open:
            self.open_attempts[attempt.id] = OpenAttemptRow(
                attempt.id, campaign_id, recipient, number, session_id, attempt.deadline_ms, attempt.in_flight
            )
        elif before is None or before.open:
            self.open_attempts[attempt.id] = None
        if before is not None and before.in_flight and not attempt.in_flight:
            self.freed.add(session_id)

    def _follow_concern(self, row: RecipientRow, state: recipients.Recipient, at_ms: int) -> None:
        """Keep whether somebody should look at a message; a new reason counts from now."""
        concerned = concern_of(state)
        if concerned == concern_of(row.state):
            return
        if concerned is None:
            self.concerns[row.key] = None
            return
        self.concerns[row.key] = ConcernRow(
            row.campaign_id,
            row.recipient,
            self.campaigns[row.campaign_id].campaign.tenant,
            concerned.concern.value,
            concerned.attempt_id,
            concerned.error_code,
            at_ms,
        )

    def _follow_key(self, row: CampaignRow, event: campaigns.Event) -> None:
        if isinstance(event, campaigns.Accepted | campaigns.Repeated) and event.idempotency_key:
            line = IdempotencyRow(row.campaign.tenant, event.idempotency_key, row.campaign_id)
            self.idempotency_keys[line.tenant, line.idempotency_key] = line

    def _follow_readers(self, key: Key, event: recipient_events.Event) -> None:
        match event:
            case recipient_events.ReceiptRecorded(_, _, kind, reader, seen_at_ms):
                known = self.readers.get((*key, kind, reader))
                first_ms = min(seen_at_ms, known.seen_at_ms) if known else seen_at_ms
                row = ReaderRow(*key, kind, reader, True, first_ms)
            case recipient_events.ReactionChanged(_, _, reactor, present, _, seen_at_ms):
                row = ReaderRow(*key, "reaction", reactor, present, seen_at_ms)
            case _:
                return
        self.readers[row.key] = row
        self.changed_readers.add(row.key)


def _first_row(key: Key, event: recipient_events.Event, state: recipients.Recipient) -> RecipientRow:
    if not isinstance(event, recipient_events.Queued):
        raise TypeError(f"the stream of a recipient begins with {event!r}")
    return RecipientRow(*key, event.position, event.kind, event.lead_id, 1, state)
