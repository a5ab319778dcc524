"""Keys of the API: their digests, and how they are used.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = {
    "api_keys": """
        CREATE TABLE api_keys (
            key_id uuid CONSTRAINT an_api_key_has_one_line PRIMARY KEY,
            tenant text NOT NULL,
            label text NOT NULL,
            digest bytea NOT NULL
                CONSTRAINT no_two_api_keys_are_the_same UNIQUE
                CONSTRAINT a_digest_has_256_bits CHECK (octet_length(digest) = 32),
            created_at_ms bigint NOT NULL,
            created_by text NOT NULL,
            retired_at_ms bigint,
            retired_by text
        )""",
    "api_key_uses": """
        CREATE TABLE api_key_uses (
            key_id uuid CONSTRAINT the_uses_of_an_api_key_have_one_line PRIMARY KEY,
            uses bigint NOT NULL,
            last_used_at_ms bigint NOT NULL
        )""",
}
INDEX = "CREATE INDEX api_keys_of_a_tenant ON api_keys (tenant, created_at_ms, key_id)"


def upgrade() -> None:
    """Apply."""
    for statement in (*TABLES.values(), INDEX):
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
