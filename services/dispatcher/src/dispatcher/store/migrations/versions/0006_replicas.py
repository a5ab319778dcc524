"""Which replicas serve sessions now, so that each takes its share; and campaigns that move to another session.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE TABLE replicas (holder text PRIMARY KEY, expires_at_ms bigint NOT NULL)")
    op.execute("ALTER TABLE campaign_status ADD COLUMN first_session_id text")


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER TABLE campaign_status DROP COLUMN first_session_id")
    op.execute("DROP TABLE replicas")
