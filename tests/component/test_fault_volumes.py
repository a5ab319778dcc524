"""The disks of the fault suite: as real as this machine allows, and it says what it does not allow."""

import os
from pathlib import Path

import pytest

from local_stack.fault.abilities import FAKETIME_LIBRARY, find_abilities, loop_disk
from local_stack.fault.kinds import Kind
from local_stack.fault.volumes import LoopDisk, PlainFolder, fill, make_room


def test_what_this_machine_does_not_allow_is_left_out_with_the_reason() -> None:
    abilities = find_abilities({FAKETIME_LIBRARY: "/nowhere/libfaketime.so.1"})
    assert abilities.faketime is None
    assert Kind.CLOCK_STEP not in abilities.kinds
    assert FAKETIME_LIBRARY in abilities.left_out["clock step"]
    assert {*abilities.kinds, *map(Kind, abilities.left_out)} == set(Kind)
    assert (Kind.POWER_CUT in abilities.kinds) == (abilities.make_volume is loop_disk)
    assert (Kind.DISK_FULL in abilities.kinds) == (abilities.make_volume is not PlainFolder)


def test_a_disk_is_there_from_its_opening_to_its_closing(tmp_path: Path) -> None:
    volume = find_abilities({}).make_volume(tmp_path / "disk")
    volume.open()
    try:
        (volume.folder / "file").write_text("hello")
        assert (tmp_path / "disk" / "file").read_text() == "hello"
    finally:
        volume.close()


def test_a_full_disk_takes_nothing_more_until_there_is_room(tmp_path: Path) -> None:
    abilities = find_abilities({})
    volume = abilities.make_volume(tmp_path / "disk")
    volume.open()
    try:
        if Kind.DISK_FULL in abilities.kinds:
            fill(volume.folder)
            with pytest.raises(OSError, match="No space left"):
                (volume.folder / "file").write_bytes(bytes(1 << 20))
            make_room(volume.folder)
        (volume.folder / "file").write_bytes(bytes(1 << 20))
    finally:
        volume.close()


def test_a_power_cut_keeps_what_was_flushed_and_loses_the_rest(tmp_path: Path) -> None:
    volume = find_abilities({}).make_volume(tmp_path / "disk")
    volume.open()
    try:
        if isinstance(volume, LoopDisk):
            write(volume.folder / "flushed", flush=True)
            write(volume.folder / "written", flush=False)
            volume.cut_power()
            volume.come_back()
            kept = {path.name: path.read_text() for path in volume.folder.iterdir() if path.is_file()}
            assert kept.get("flushed") == "hello"
            assert kept.get("written", "") == ""
        else:
            assert "power cut" in find_abilities({}).left_out
    finally:
        volume.close()


def write(path: Path, *, flush: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(handle, b"hello")
    if flush:
        os.fsync(handle)
    os.close(handle)
