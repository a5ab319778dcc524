"""What excuses loops that do not get on: the surroundings, asked over connections of the probes' own."""

from dispatcher.composition.probes import rebuilding
from dispatcher.store.postgres import REBUILD_LOCK
from support.dispatching import Bed


async def test_a_rebuild_is_seen_while_it_lasts_and_no_longer(bed: Bed):
    check = rebuilding(bed.engine)
    async with bed.engine.begin() as connection:
        assert await check() is None
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})")
        assert await check() == "the projections are made anew"
    assert await check() is None
