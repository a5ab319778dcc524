"""Idempotent creation: which campaign a key names, and what a campaign says to whom.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER TABLE campaign_status ADD COLUMN fingerprint text NOT NULL DEFAULT ''")
    op.execute(
        "CREATE INDEX campaign_status_by_fingerprint ON campaign_status (tenant, fingerprint, created_at_ms)"
    )
    op.execute("""
        CREATE TABLE idempotency_keys (
            tenant text NOT NULL,
            idempotency_key text NOT NULL,
            campaign_id uuid NOT NULL,
            CONSTRAINT a_key_names_one_campaign_of_its_tenant PRIMARY KEY (tenant, idempotency_key)
        )
    """)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE idempotency_keys")
    op.execute("DROP INDEX campaign_status_by_fingerprint")
    op.execute("ALTER TABLE campaign_status DROP COLUMN fingerprint")
