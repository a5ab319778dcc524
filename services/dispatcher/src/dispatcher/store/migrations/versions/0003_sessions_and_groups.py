"""The directory of groups, and what the verification and the watchdog remember of sessions.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = {
    "group_directory": """
        CREATE TABLE group_directory (
            session_id text COLLATE "C" NOT NULL,
            group_jid text COLLATE "C" NOT NULL,
            version integer NOT NULL,
            state jsonb NOT NULL,
            CONSTRAINT a_session_lists_each_group_once PRIMARY KEY (session_id, group_jid),
            CONSTRAINT a_community_parent_is_never_listed CHECK (NOT state ? 'parent_since_ms')
        )""",
    "community_parents": """
        CREATE TABLE community_parents (
            session_id text COLLATE "C" NOT NULL,
            group_jid text COLLATE "C" NOT NULL,
            version integer NOT NULL,
            state jsonb NOT NULL,
            CONSTRAINT a_session_knows_each_community_parent_once PRIMARY KEY (session_id, group_jid)
        )""",
    "session_checks": """
        CREATE TABLE session_checks (
            session_id text PRIMARY KEY,
            asked_at_ms bigint NOT NULL,
            answered_at_ms bigint
        )""",
    "session_hearing": """
        CREATE TABLE session_hearing (
            session_id text PRIMARY KEY,
            heard_at_ms bigint NOT NULL
        )""",
}
INDEXES = (
    "CREATE INDEX group_directory_by_jid ON group_directory (group_jid)",
    "CREATE INDEX parked_reports_by_group ON parked_reports (recipient) WHERE reason = 'no_place_yet'",
)
WATCH_FROM_NOW = """
    INSERT INTO session_hearing
    SELECT session_id, (extract(epoch FROM now()) * 1000)::bigint
    FROM (SELECT session_id FROM session_status UNION SELECT session_id FROM campaign_status) s
"""
"""What was never answered before the watchdog was there is no silence."""


def upgrade() -> None:
    """Apply."""
    for statement in (*TABLES.values(), *INDEXES, WATCH_FROM_NOW):
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP INDEX parked_reports_by_group")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
