"""Whether a new campaign would reach anybody: its session is the tenant's, and one of its groups takes messages."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.api import session_queries
from dispatcher.api.problems import Refusal, not_found
from dispatcher.enrolment import Accepted, Enrolled
from dispatcher.projections import group_directory

CHUNK = 1000
"""So many recipients are looked up at a time; mostly the first of them ends the search."""


async def require_reach(engine: AsyncEngine, tenant: str, accepted: Accepted) -> None:
    """Refuse a campaign through another tenant's session, or to nobody but groups that take no messages."""
    session_id = accepted.spec.session_id
    async with engine.connect() as connection:
        if (await session_queries.owner(connection, session_id) or tenant) != tenant:
            raise not_found("session")
        for jids in _chunks(accepted.recipients):
            if len(await group_directory.barred(connection, session_id, jids)) < len(jids):
                return
    raise Refusal(
        400,
        "none of the recipients can be sent to: they are community parents, or groups that refused the last message",
        code="NO_VALID_RECIPIENTS",
        field="recipients",
    )


def _chunks(recipients: Sequence[Enrolled]) -> Iterator[list[str]]:
    for start in range(0, len(recipients), CHUNK):
        yield [one.address.jid for one in recipients[start : start + CHUNK]]
