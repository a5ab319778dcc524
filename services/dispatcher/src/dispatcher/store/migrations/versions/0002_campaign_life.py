"""What campaigns need to be scheduled, paused, cancelled and retried.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    ALTER TABLE campaign_status
        ADD COLUMN stage text NOT NULL DEFAULT '',
        ADD COLUMN paused boolean NOT NULL DEFAULT false,
        ADD COLUMN cancelled_at_ms bigint,
        ADD COLUMN scheduled_at_ms bigint
    """,
    "UPDATE campaign_status SET stage = status",
    "ALTER TABLE campaign_status ALTER COLUMN stage DROP DEFAULT, ALTER COLUMN paused DROP DEFAULT",
    """
    ALTER TABLE campaign_status ADD CONSTRAINT the_status_follows_from_the_stage CHECK (
        status = CASE WHEN cancelled_at_ms IS NOT NULL THEN 'cancelled'
                      WHEN paused AND stage NOT IN ('completed', 'partial', 'failed') THEN 'paused'
                      ELSE stage END)
    """,
    """
    CREATE INDEX campaign_status_cancelling ON campaign_status (session_id)
        WHERE status = 'cancelled' AND finished_at_ms IS NULL
    """,
    "CREATE INDEX campaign_status_scheduled ON campaign_status (scheduled_at_ms) WHERE stage = 'scheduled'",
    """
    CREATE TABLE campaign_orders (
        order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        campaign_id uuid NOT NULL,
        command jsonb NOT NULL,
        correlation text NOT NULL,
        causation text,
        done_up_to integer NOT NULL,
        claimed_until_ms bigint NOT NULL
    )
    """,
    """
    COMMENT ON TABLE campaign_orders IS
        'what was ordered for a campaign''s recipients, and up to which position it has been carried out'
    """,
)
DOWNGRADE = (
    "DROP TABLE campaign_orders",
    "DROP INDEX campaign_status_scheduled",
    "DROP INDEX campaign_status_cancelling",
    """
    ALTER TABLE campaign_status
        DROP COLUMN stage, DROP COLUMN paused, DROP COLUMN cancelled_at_ms, DROP COLUMN scheduled_at_ms
    """,
)


def upgrade() -> None:
    """Add what a campaign may be told, and the orders that are under way."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Drop it again; what was ordered and not yet done is lost."""
    for statement in DOWNGRADE:
        op.execute(statement)
