"""Which report a failure follows from: a repeat that names no message is about the same attempt.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE INDEX failures_by_report ON events (causation) WHERE type = 'recipient.failed'")


def downgrade() -> None:
    """Take back."""
    op.execute("DROP INDEX failures_by_report")
