"""The quarantine keeps bodies whole, tells kinds apart, and sends again.

Lines from before have no whole body: it lies in the NATS stream DEAD.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = (
    """ALTER TABLE quarantine
        ADD COLUMN kind text NOT NULL DEFAULT 'invalid' CONSTRAINT something_in_quarantine_is_of_a_known_kind
            CHECK (kind IN ('invalid', 'unknown', 'conflict', 'unreadable', 'undelivered')),
        ADD COLUMN about text,
        ADD COLUMN body bytea""",
    "UPDATE quarantine SET kind = 'unreadable' WHERE source LIKE 'wa.%'",
    "ALTER TABLE quarantine ALTER COLUMN kind DROP DEFAULT",
    "COMMENT ON TABLE quarantine IS 'what was not applied: mirrored from the NATS stream DEAD, and contradictions'",
    "COMMENT ON COLUMN quarantine.about IS 'the report it contradicts, or what was sent again as it'",
    """CREATE TABLE quarantine_redrives (
        id text COLLATE "C" CONSTRAINT something_in_quarantine_is_sent_again_once_at_a_time PRIMARY KEY,
        ordered_at_ms bigint NOT NULL
    )""",
    "COMMENT ON TABLE quarantine_redrives IS 'what is to be published again, and was not yet'",
)


def upgrade() -> None:
    """Apply."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE quarantine_redrives")
    op.execute("ALTER TABLE quarantine DROP COLUMN kind, DROP COLUMN about, DROP COLUMN body")
