"""The spool file: what it kept is there after a crash, it never outgrows its limit, and it has one owner."""

import os
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from webhook_gateway.batches import Outgoing
from webhook_gateway.spool_file import SpoolError, SpoolFile, open_spool

MIB = 1 << 20


def opened(path: Path, max_bytes: int = 4 * MIB) -> SpoolFile:
    return open_spool(path, max_bytes, lambda: 7)


def messages(*names: str, size: int = 1) -> list[Outgoing]:
    return [Outgoing(name, f"wa.{name}", name.encode() * size) for name in names]


def names(file: SpoolFile, stream: str = "A", count: int = 100) -> list[str]:
    return [held.message.id for held in file.oldest(stream, count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


def test_messages_come_out_in_the_order_in_which_they_went_in_after_a_restart_too(path):
    file = opened(path)
    file.append("A", messages("c", "a"))
    file.append("B", messages("x"))
    file.append("A", messages("b"))
    file.close()
    file = opened(path)
    assert (names(file), names(file, "B"), file.count("A")) == (["c", "a", "b"], ["x"], 3)
    (held, _) = file.oldest("A", 2)
    assert (held.message, held.held_at_ms) == (messages("c")[0], 7)
    file.close()


def test_a_repeat_is_a_duplicate_and_kept_once_but_streams_do_not_share_ids(path):
    file = opened(path)
    assert file.append("A", messages("a", "b", "a")) == ["accepted", "accepted", "duplicate"]
    assert file.append("A", messages("b")) == ["duplicate"]
    assert file.append("B", messages("b")) == ["accepted"]
    file.close()


def test_what_is_removed_makes_room_for_what_comes(path):
    file = opened(path)
    for number in range(40):
        file.append("A", messages(f"n{number}", size=100_000))
        file.remove("A", file.oldest("A", 1)[0].position)
    assert names(file) == []
    assert file.used_bytes < MIB
    file.close()


def test_a_full_spool_refuses_a_group_whole_and_keeps_what_it_has(path):
    file = opened(path, MIB)
    file.append("A", messages("first"))
    with pytest.raises(SpoolError, match="no space"):
        file.append("A", messages("b", "c", size=600_000))
    assert names(file) == ["first"]
    file.append("A", messages("d"))
    assert names(file) == ["first", "d"]
    file.remove("A", file.oldest("A", 1)[0].position)
    assert names(file) == ["d"]
    assert path.stat().st_size <= MIB
    file.close()


def test_what_is_put_aside_is_out_of_the_way_and_comes_back_behind_the_others_at_the_next_opening(path):
    file = opened(path)
    file.append("A", messages("a", "b", "c"))
    for held in file.oldest("A", 2):
        file.put_aside("A", held, "too large")
    assert (names(file), file.count_refused("A"), file.count_refused("B")) == (["c"], 2, 0)
    assert file.append("A", messages("a")) == ["accepted"]
    file.put_aside("A", file.oldest("A", 2)[1], "too large still")
    assert (names(file), file.count_refused("A")) == (["c"], 2)
    file.close()
    file = opened(path)
    assert (sorted(names(file)[1:]), names(file)[0], file.count_refused("A")) == (["a", "b"], "c", 0)
    file.close()


def test_a_full_spool_can_put_aside_all_that_it_has_and_open_again(path):
    file = opened(path, MIB)
    numbers = count()
    with suppress(SpoolError):
        while file.append("A", messages(f"n{next(numbers)}", size=15_000)):
            pass
    held = names(file)
    assert len(held) == next(numbers) - 1
    for _ in held:
        file.put_aside("A", file.oldest("A", 1)[0], "too large")
    assert (names(file), file.count_refused("A")) == ([], len(held))
    file.close()
    file = opened(path, MIB)
    assert sorted(names(file)) == sorted(held)
    assert path.stat().st_size <= MIB + 10 * 4096
    file.close()


def test_only_so_many_ids_are_removed_as_were_held(path):
    file = opened(path)
    file.append("A", messages("a", "b", "c"))
    file.append("B", messages("a"))
    assert file.remove_ids("A", ["a", "c", "x"]) == 2
    assert file.remove_ids("A", []) == 0
    assert (names(file), names(file, "B")) == (["b"], ["a"])
    file.close()


def test_a_read_takes_no_more_than_memory_should_hold(path):
    file = opened(path, 64 * MIB)
    file.append("A", messages(*(f"n{number}" for number in range(20)), size=400_000))
    assert 0 < len(file.oldest("A", 100)) < 20
    file.close()


def test_only_its_owner_may_read_it(path):
    file = opened(path)
    file.append("A", messages("a"))
    assert {each.stat().st_mode & 0o077 for each in path.parent.iterdir()} == {0}
    file.close()


def test_a_second_process_is_refused_until_the_first_is_gone(path):
    code = (
        "import sys; from pathlib import Path; from webhook_gateway.spool_file import open_spool;"
        "open_spool(Path(sys.argv[1]), 1 << 20, lambda: 1); print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(SpoolError, match="in use by another process"):
            opened(path)
        holder.kill()
    opened(path).close()


@pytest.mark.parametrize("make", ["folder", "no folder", "garbage", "a device"])
def test_what_cannot_be_a_spool_is_refused_in_one_line(tmp_path, make):
    path = tmp_path / "x"
    if make == "folder":
        path.mkdir()
    if make == "no folder":
        path = path / "spool.db"
    if make == "garbage":
        path.write_bytes(os.urandom(10_000))
    if make == "a device":
        path = Path("/dev/full")
    with pytest.raises(SpoolError, match=r"^/") as refused:
        opened(path)
    assert "\n" not in str(refused.value)
