"""Keys in the database: seen by every replica, counted in batches, retired one at a time and never all."""

import asyncio
from uuid import UUID, uuid4

import pytest

from dispatcher import notifications
from dispatcher.api.key_desk import Caller, KeyDesk
from dispatcher.api.keyring import Keyring
from dispatcher.api.problems import Refusal
from dispatcher.composition.given import new_api_key
from dispatcher.domain.api_key import MOST_LIVE, read_entry
from dispatcher.notifications import Line
from dispatcher.pulse import Pulse
from dispatcher.store.api_keys import CHANGED
from support.dispatching import NOON_MS, Bed, counted
from support.eventually import eventually

BOOTSTRAP = "boot-7d0c51ea9b3f2468"


class Replica:
    """One dispatcher's view of the keys."""

    def __init__(self, bed: Bed, *of_setting: str) -> None:
        self.keyring = Keyring(bed.engine, [read_entry(entry, "acme") for entry in of_setting])
        self.desk = KeyDesk(bed.engine, self.keyring, bed.clock.now_ms, uuid4, new_api_key)

    def caller(self, key: str = BOOTSTRAP) -> Caller:
        known = self.keyring.recognise(key)
        assert known
        return Caller(known.tenant, known.key_id)


async def test_a_key_opens_the_api_until_it_is_retired(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP)
    made = await here.desk.add(here.caller(), "billing", "ada")
    assert here.caller(made.key) == Caller("acme", made.key_id)
    retired = await here.desk.retire(here.caller(), made.key_id, "ben", force=False)
    assert (retired.live, retired.retired_by, here.keyring.recognise(made.key)) == (False, "ben", None)
    assert await here.desk.retire(here.caller(), made.key_id, "eve", force=False) == retired


async def test_another_replica_hears_of_a_change_at_once(bed: Bed, migrated_url: str) -> None:
    here, there = Replica(bed, BOOTSTRAP), Replica(bed, BOOTSTRAP)
    stopping = asyncio.Event()
    waiting = {CHANGED: there.keyring.wake}
    loops = [
        asyncio.create_task(notifications.listen(Line(migrated_url), waiting, stopping, Pulse())),
        asyncio.create_task(there.keyring.run(stopping, Pulse())),
    ]
    try:
        made = await here.desk.add(here.caller(), "billing", "ada")

        async def known() -> bool:
            assert there.keyring.recognise(made.key)
            return True

        await eventually(known, 4)
        await here.desk.retire(here.caller(), made.key_id, "ada", force=False)

        async def unknown() -> bool:
            assert there.keyring.recognise(made.key) is None
            return True

        await eventually(unknown, 4)
    finally:
        stopping.set()
        there.keyring.wake()
        await asyncio.gather(*loops)


async def test_uses_are_written_in_one_statement_and_add_up_over_replicas(bed: Bed) -> None:
    here, there = Replica(bed, BOOTSTRAP), Replica(bed, BOOTSTRAP)
    made = [await here.desk.add(here.caller(), f"key {number}", "ada") for number in range(3)]
    await there.keyring.load()
    with counted(bed.engine) as statements:
        for replica in (here, there):
            for _ in range(50):
                for key in made:
                    replica.keyring.note_use(replica.caller(key.key).key_id, NOON_MS + 1000)
        assert statements == []
        await here.keyring.write_uses()
        await there.keyring.write_uses()
    assert sum("api_key_uses" in statement for statement in statements) == 2
    views = {view.key_id: view for view in await here.desk.live(here.caller())}
    assert [views[key.key_id].uses for key in made] == [100, 100, 100]
    assert views[made[0].key_id].last_used_at is not None
    assert views[here.caller().key_id].source == "setting"


async def test_uses_that_cannot_be_written_are_kept_for_the_next_time(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP)
    key_id = here.caller().key_id
    here.keyring.note_use(key_id, NOON_MS)
    await bed.execute("ALTER TABLE api_key_uses RENAME TO elsewhere")
    with pytest.raises(Exception, match="api_key_uses"):
        await here.keyring.write_uses()
    here.keyring.note_use(key_id, NOON_MS + 5)
    await bed.execute("ALTER TABLE elsewhere RENAME TO api_key_uses")
    await here.keyring.write_uses()
    [view] = await here.desk.live(here.caller())
    assert view.uses == 2


async def refused(replica: Replica, caller: Caller, key_id: UUID, *, force: bool = False) -> str | None:
    try:
        await replica.desk.retire(caller, key_id, "ada", force=force)
    except Refusal as refusal:
        return refusal.problem.code
    return None


async def test_what_may_not_be_retired(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP, f"other:{BOOTSTRAP}-2")
    made = await here.desk.add(here.caller(), "billing", "ada")
    other = here.caller(f"{BOOTSTRAP}-2")
    assert await refused(here, here.caller(), here.caller().key_id) == "API_KEY_OF_SETTING"
    assert await refused(here, here.caller(made.key), made.key_id) == "API_KEY_IN_USE"
    assert await refused(here, other, made.key_id) == "NOT_FOUND"
    assert await refused(here, other, here.caller().key_id) == "NOT_FOUND"
    assert await refused(here, here.caller(), uuid4()) == "NOT_FOUND"
    assert await refused(here, here.caller(made.key), made.key_id, force=True) is None


async def test_of_two_that_retire_each_others_key_at_once_one_is_refused(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP)
    made = [await here.desk.add(here.caller(), label, "ada") for label in ("one", "two")]
    replicas = [Replica(bed), Replica(bed)]
    for replica in replicas:
        await replica.keyring.load()
    callers = [replica.caller(key.key) for replica, key in zip(replicas, made, strict=True)]
    done = await asyncio.gather(
        refused(replicas[0], callers[0], made[1].key_id), refused(replicas[1], callers[1], made[0].key_id)
    )
    assert sorted(done, key=str) == ["LAST_API_KEY", None]


async def test_a_tenant_has_a_bounded_number_of_keys(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP)
    await bed.execute(
        "INSERT INTO api_keys SELECT gen_random_uuid(), 'acme', 'x', sha256(n::text::bytea), 1, 'ada'"
        " FROM generate_series(1, :most) AS n",
        most=MOST_LIVE,
    )
    with pytest.raises(Refusal) as refusal:
        await here.desk.add(here.caller(), "one too many", "ada")
    assert refusal.value.problem.code == "TOO_MANY_API_KEYS"


async def test_retired_keys_are_listed_page_by_page(bed: Bed) -> None:
    here = Replica(bed, BOOTSTRAP)
    made = [await here.desk.add(here.caller(), f"key {number}", "ada") for number in range(3)]
    for key in made:
        await here.desk.retire(here.caller(), key.key_id, "ada", force=False)
    first = await here.desk.retired(here.caller(), None, 2)
    second = await here.desk.retired(here.caller(), (NOON_MS, first[-1].key_id), 2)
    assert {view.key_id for view in first + second} == {key.key_id for key in made}
    assert (len(first), len(second)) == (2, 1)
