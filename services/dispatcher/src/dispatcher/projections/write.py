"""What changed, as parts of the one statement that a batch writes."""

from dispatcher.projections import (
    campaign_status,
    concerns,
    dismissals,
    group_directory,
    idempotency,
    lookups,
    recipient_status,
    send_queue,
    session_status,
)
from dispatcher.projections.changes import Changes
from dispatcher.store.writes import Writes


def write(writes: Writes, changes: Changes) -> None:
    """Bring every projection in line with the changes, in the transaction that appends their events."""
    recipients = [(before, changes.recipients[key]) for key, before in changes.before.items()]
    recipient_status.write(writes, recipients)
    send_queue.write(writes, recipients, changes.campaigns)
    attempts = list(changes.attempts.values())
    lookups.write_attempts(writes, attempts, changes.open_attempts, sorted(changes.freed))
    lookups.write_message_ids(writes, list(changes.message_ids.values()))
    lookups.write_readers(writes, [changes.readers[key] for key in changes.changed_readers])
    concerns.write(writes, changes.concerns)
    dismissals.write(writes, list(changes.dismissals.values()))
    lookups.write_outcomes(writes, list(changes.outcomes.values()))
    campaigns = [(before, changes.campaigns[key]) for key, before in changes.campaigns_before.items()]
    campaign_status.write(writes, campaigns)
    idempotency.write(writes, list(changes.idempotency_keys.values()))
    group_directory.write(writes, [changes.groups[key] for key in changes.groups_before])
    session_status.write(writes, [changes.sessions[key] for key in changes.sessions_before])
