"""The event store, its projections, and what the sender and the relay remember.

Revision ID: 0001
"""

from collections.abc import Iterator

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EVENTS = """
CREATE TABLE events (
    global_position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    stream text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    status text NOT NULL,
    tenant text NOT NULL,
    correlation text NOT NULL,
    causation text,
    recorded_at_ms bigint NOT NULL,
    CONSTRAINT a_stream_has_one_event_per_version UNIQUE (stream, version)
);
COMMENT ON COLUMN events.status IS 'where the aggregate stands after this event';
CREATE TABLE relay_checkpoint (
    name text PRIMARY KEY,
    position bigint NOT NULL
);
"""

CAMPAIGN_STATUS = """
CREATE TABLE campaign_status (
    campaign_id uuid PRIMARY KEY,
    version integer NOT NULL,
    tenant text NOT NULL,
    session_id text NOT NULL,
    status text NOT NULL,
    priority text NOT NULL,
    delay_ms integer NOT NULL,
    recipients integer NOT NULL,
    message text NOT NULL,
    media_url text,
    media_type text,
    created_at_ms bigint NOT NULL,
    started_at_ms bigint,
    finished_at_ms bigint,
    concluded jsonb,
    queued integer NOT NULL,
    processing integer NOT NULL,
    unconfirmed integer NOT NULL,
    sent integer NOT NULL,
    delivered integer NOT NULL,
    read integer NOT NULL,
    failed integer NOT NULL,
    skipped integer NOT NULL,
    cancelled integer NOT NULL,
    CONSTRAINT no_status_counts_fewer_than_none CHECK (
        least(queued, processing, unconfirmed, sent, delivered, read, failed, skipped, cancelled) >= 0),
    CONSTRAINT the_statuses_count_no_more_than_the_campaign_has CHECK (
        queued + processing + unconfirmed + sent + delivered + read + failed + skipped + cancelled <= recipients),
    CONSTRAINT a_finished_campaign_has_no_open_recipient CHECK (
        status NOT IN ('completed', 'partial', 'failed') OR queued + processing + unconfirmed = 0)
) WITH (fillfactor = 70);
CREATE INDEX campaign_status_by_tenant ON campaign_status (tenant, created_at_ms DESC, campaign_id DESC);
CREATE INDEX campaign_status_open ON campaign_status (session_id)
    WHERE status IN ('accepted', 'queued', 'running', 'paused', 'scheduled');
"""

RECIPIENT_STATUS = """
CREATE TABLE recipient_status (
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    kind text NOT NULL,
    lead_id text,
    version integer NOT NULL,
    status text NOT NULL,
    state jsonb NOT NULL,
    CONSTRAINT a_campaign_has_each_recipient_once PRIMARY KEY (campaign_id, recipient),
    CONSTRAINT a_recipient_has_its_own_position UNIQUE (campaign_id, position)
) WITH (fillfactor = 70);
CREATE TABLE send_queue (
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    due_at_ms bigint NOT NULL,
    CONSTRAINT a_recipient_is_queued_once PRIMARY KEY (campaign_id, recipient)
);
CREATE INDEX send_queue_by_due ON send_queue (campaign_id, due_at_ms, position);
CREATE TABLE attempts (
    attempt_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    session_id text NOT NULL,
    started_at_ms bigint NOT NULL
);
CREATE INDEX attempts_by_session ON attempts (session_id, started_at_ms);
CREATE TABLE open_attempts (
    attempt_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    session_id text NOT NULL,
    deadline_ms bigint NOT NULL,
    in_flight boolean NOT NULL
);
CREATE INDEX open_attempts_by_recipient ON open_attempts (session_id, recipient);
CREATE UNIQUE INDEX one_attempt_in_flight_per_session_and_recipient ON open_attempts (session_id, recipient)
    WHERE in_flight;
CREATE INDEX open_attempts_by_deadline ON open_attempts (deadline_ms) WHERE in_flight;
CREATE TABLE message_ids (
    message_id text COLLATE "C" PRIMARY KEY,
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    attempt integer NOT NULL
);
CREATE TABLE readers (
    campaign_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    reader text COLLATE "C" NOT NULL,
    present boolean NOT NULL,
    seen_at_ms bigint NOT NULL,
    CONSTRAINT a_reader_counts_once_per_kind PRIMARY KEY (campaign_id, recipient, kind, reader)
);
CREATE TABLE outcomes (
    tenant text NOT NULL,
    bucket_ms bigint NOT NULL,
    sent integer NOT NULL,
    failed integer NOT NULL,
    PRIMARY KEY (tenant, bucket_ms)
);
"""

SESSIONS = """
CREATE TABLE session_status (
    session_id text PRIMARY KEY,
    version integer NOT NULL,
    status text NOT NULL,
    parked_until_ms bigint,
    stopped boolean NOT NULL,
    state jsonb NOT NULL
);
CREATE TABLE session_leases (
    session_id text PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    expires_at_ms bigint NOT NULL
);
"""

PARKED = """
CREATE TABLE parked_reports (
    id text PRIMARY KEY,
    reason text NOT NULL,
    message_id text,
    client_ref text,
    session_id text,
    recipient text,
    body jsonb NOT NULL,
    parked_at_ms bigint NOT NULL
);
CREATE INDEX parked_reports_by_message_id ON parked_reports (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX parked_reports_by_client_ref ON parked_reports (client_ref) WHERE client_ref IS NOT NULL;
"""


def upgrade() -> None:
    """Create all tables."""
    for statement in _statements(EVENTS, CAMPAIGN_STATUS, RECIPIENT_STATUS, SESSIONS, PARKED):
        op.execute(statement)


def downgrade() -> None:
    """Drop all tables; the events with them."""
    for table in (
        *("parked_reports", "session_leases", "session_status", "outcomes", "readers", "message_ids"),
        *(
            "open_attempts",
            "attempts",
            "send_queue",
            "recipient_status",
            "campaign_status",
            "relay_checkpoint",
            "events",
        ),
    ):
        op.execute(f"DROP TABLE {table}")


def _statements(*scripts: str) -> Iterator[str]:
    for script in scripts:
        yield from (statement for statement in script.split(";\n") if statement.strip())
