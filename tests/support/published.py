"""What the event store holds and what was published of it, side by side."""

from contracts.envelope import type_of
from support.system import System
from support.truth import StoredEvent


async def assert_all_published(system: System, *broadcast_ids: str, repeats_allowed: bool = False) -> int:
    """Check that each campaign's events were published, none missing, in the store's order; return how many.

    `repeats_allowed`: delivery is at least once, so after a crash the same id may come again. What is recorded
    while we look comes behind what we compare.
    """
    await system.truth.until_relayed()
    count = 0
    for broadcast_id in broadcast_ids:
        stored = await system.truth.events(broadcast_id)
        told = await system.bus.events(broadcast_id)
        published = [StoredEvent(event.id, event.position, type_of(event)) for event in told]
        if repeats_allowed:
            published = list(dict.fromkeys(published))
        assert published[: len(stored)] == stored
        count += len(stored)
    return count
