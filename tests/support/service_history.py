"""Who served which session, and when: noted by triggers in the database itself, whatever the dispatchers believe."""

from collections import defaultdict
from itertools import pairwise

import msgspec

from support.truth import Truth

NOTE = (
    """
    CREATE TABLE lease_history (
        number bigint GENERATED ALWAYS AS IDENTITY, session_id text, holder text, token bigint, expires_at_ms bigint,
        at_ms bigint DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    """,
    """
    CREATE TABLE attempt_history (attempt_id uuid, session_id text, writer text, holder text, token bigint)
    """,
    "GRANT SELECT, INSERT ON lease_history, attempt_history TO PUBLIC",
    """
    CREATE FUNCTION note_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO lease_history (session_id, holder, token, expires_at_ms)
        VALUES (NEW.session_id, NEW.holder, NEW.token, NEW.expires_at_ms);
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION note_attempt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO attempt_history
        SELECT NEW.attempt_id, NEW.session_id, current_setting('application_name'), holder, token
        FROM session_leases WHERE session_id = NEW.session_id;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER noted AFTER INSERT OR UPDATE ON session_leases FOR EACH ROW EXECUTE FUNCTION note_lease()",
    "CREATE TRIGGER noted AFTER INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION note_attempt()",
)


class Tenure(msgspec.Struct, frozen=True):
    """A lease as it was written: at `at_ms`, for until `expires_at_ms` (0: given back)."""

    session_id: str
    holder: str
    token: int
    expires_at_ms: int
    at_ms: int


class Served(msgspec.Struct, frozen=True):
    """A send that was started: by `writer`, while `holder` had the lease, under `token`."""

    session_id: str
    writer: str
    holder: str
    token: int


async def note(truth: Truth) -> None:
    """Note from now on."""
    for statement in NOTE:
        await truth.fetch(statement)


async def tenures(truth: Truth) -> dict[str, list[Tenure]]:
    """Return what was written about the lease of each session, oldest first."""
    found: dict[str, list[Tenure]] = defaultdict(list)
    for row in await truth.fetch(
        "SELECT session_id, holder, token, expires_at_ms, at_ms FROM lease_history ORDER BY number"
    ):
        found[row[0]].append(Tenure(*row))
    return found


async def served(truth: Truth) -> dict[str, Served]:
    """Return who started each attempt."""
    rows = await truth.fetch(
        "SELECT attempt_id::text, session_id, writer, holder, token FROM attempt_history"
    )
    return {attempt_id: Served(*rest) for attempt_id, *rest in rows}


def assert_one_holder_at_a_time(history: dict[str, list[Tenure]]) -> None:
    """A lease changes hands only when it was given back or had run out, and its token grows with that."""
    for written in history.values():
        for before, after in pairwise(written):
            if before.token == after.token:
                assert before.holder == after.holder, (before, after)
            else:
                assert after.token == before.token + 1, (before, after)
                assert before.expires_at_ms < after.at_ms, (before, after)
