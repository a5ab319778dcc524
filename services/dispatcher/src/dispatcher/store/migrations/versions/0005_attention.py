"""What an operator looks at and decides on.

Messages that failed or were unconfirmed before are listed after a `dispatcher rebuild`.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = {
    "concerns": """
        CREATE TABLE concerns (
            campaign_id uuid NOT NULL,
            recipient text COLLATE "C" NOT NULL,
            tenant text NOT NULL,
            concern text NOT NULL,
            attempt_id uuid NOT NULL,
            error_code integer,
            since_ms bigint NOT NULL,
            CONSTRAINT a_message_has_one_concern PRIMARY KEY (campaign_id, recipient)
        )""",
    "dismissals": """
        CREATE TABLE dismissals (
            tenant text NOT NULL,
            item text COLLATE "C" NOT NULL,
            at_ms bigint NOT NULL,
            by text NOT NULL,
            why text,
            CONSTRAINT an_item_is_dismissed_once_by_its_tenant PRIMARY KEY (tenant, item)
        )""",
    "quarantine": """
        CREATE TABLE quarantine (
            id text COLLATE "C" PRIMARY KEY,
            tenant text NOT NULL,
            source text NOT NULL,
            reason text NOT NULL,
            beginning text NOT NULL,
            at_ms bigint NOT NULL
        )""",
    "redrive_orders": """
        CREATE TABLE redrive_orders (
            order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant text NOT NULL,
            selection jsonb NOT NULL,
            by text NOT NULL,
            why text,
            done_ms bigint NOT NULL,
            done_id uuid NOT NULL,
            claimed_until_ms bigint NOT NULL
        )""",
}
COMMENTS = (
    "COMMENT ON TABLE quarantine IS 'what could not be read, mirrored from the NATS stream DEAD'",
    "COMMENT ON TABLE redrive_orders IS 'which dead letters are to be sent again, and up to which it has been done'",
    "COMMENT ON COLUMN quarantine.beginning IS 'of its body; the whole lies in DEAD'",
)
INDEXES = {
    "concerns_by_time": "ON concerns (tenant, concern, since_ms, attempt_id)",
    "quarantine_by_time": "ON quarantine (at_ms, id)",
    "parked_reports_by_recipient": "ON parked_reports (session_id, recipient) WHERE reason <> 'no_place_yet'",
    "parked_reports_by_time": """
        ON parked_reports (reason, parked_at_ms, id COLLATE "C")
        WHERE body->>'type' IN ('message.sent', 'message.failed', 'message.errored')""",
}

OUTCOMES = {"retried": "integer", "responses": "integer", "response_ms": "bigint", "slowest_ms": "bigint"}


def upgrade() -> None:
    """Apply."""
    for column, kind in OUTCOMES.items():
        op.execute(f"ALTER TABLE outcomes ADD COLUMN {column} {kind} NOT NULL DEFAULT 0")
    indexes = (f"CREATE INDEX {name} {where}" for name, where in INDEXES.items())
    for statement in (*TABLES.values(), *COMMENTS, *indexes):
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    for name in ("parked_reports_by_recipient", "parked_reports_by_time"):
        op.execute(f"DROP INDEX {name}")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    for column in OUTCOMES:
        op.execute(f"ALTER TABLE outcomes DROP COLUMN {column}")
