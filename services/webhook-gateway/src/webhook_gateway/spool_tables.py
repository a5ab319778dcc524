"""The spool's tables, and the statements on them, as SQLite's SQL. Used by `spool_file`."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS held (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    held_at_ms INTEGER NOT NULL,
    UNIQUE (stream, id)
);
CREATE INDEX IF NOT EXISTS held_of_stream ON held (stream);
CREATE TABLE IF NOT EXISTS refused (
    stream TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    held_at_ms INTEGER NOT NULL,
    refused_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (stream, id)
);
CREATE TABLE IF NOT EXISTS opened (one INTEGER PRIMARY KEY CHECK (one = 1), at_ms INTEGER NOT NULL);
"""

APPEND = "INSERT OR IGNORE INTO held (stream, id, subject, payload, held_at_ms) VALUES (?, ?, ?, ?, ?)"
OLDEST = (
    "SELECT position, held_at_ms, id, subject, payload FROM held WHERE stream = ? ORDER BY position LIMIT ?"
)
REMOVE_THROUGH = "DELETE FROM held WHERE stream = ? AND position <= ?"
REMOVE_ID = "DELETE FROM held WHERE stream = ? AND id = ?"

REFUSE = "INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?, ?)"
REFUSED_ROWS = "SELECT rowid FROM refused ORDER BY rowid"
TAKE_REFUSED = "DELETE FROM refused WHERE rowid = ? RETURNING stream, id, subject, payload, held_at_ms"
