"""What this machine allows: which faults can be injected here, and why the others are left out."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from local_stack.fault.kinds import Kind
from local_stack.fault.volumes import LoopDisk, MemoryDisk, PlainFolder, Volume, VolumeError

FAKETIME_LIBRARY = "FAKETIME_LIBRARY"
"""Variable that says where libfaketime is, where it is not in its usual place."""
USUAL_PLACES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")

MakeVolume = Callable[[Path], Volume]


class Abilities(msgspec.Struct, frozen=True):
    """The kinds that can be injected, why the others cannot, and what that takes."""

    kinds: tuple[Kind, ...]
    left_out: dict[str, str]
    make_volume: MakeVolume
    faketime: Path | None


def find_abilities(environment: Mapping[str, str]) -> Abilities:
    """Try what the machine allows."""
    left_out: dict[Kind, str] = {}
    make_volume, why_not = best_volume()
    if make_volume is not loop_disk:
        left_out[Kind.POWER_CUT] = why_not
    if make_volume is PlainFolder:
        left_out[Kind.DISK_FULL] = why_not
    faketime = find_faketime(environment)
    if faketime is None:
        left_out[Kind.CLOCK_STEP] = f"libfaketime is not installed (Debian: faketime; or {FAKETIME_LIBRARY})"
    kinds = tuple(kind for kind in Kind if kind not in left_out)
    return Abilities(kinds, {kind.value: why for kind, why in left_out.items()}, make_volume, faketime)


def loop_disk(folder: Path) -> Volume:
    """Return a disk whose image lies beside its folder."""
    return LoopDisk(folder, folder.with_suffix(".img"))


def best_volume() -> tuple[MakeVolume, str]:
    """Return the most real kind of disk that can be mounted here, and why nothing more real can."""
    if os.geteuid() != 0:
        return PlainFolder, "only root may mount disks"
    why_not = "mkfs.ext4 is not installed" if shutil.which("mkfs.ext4") is None else try_out(loop_disk)
    if not why_not:
        return loop_disk, ""
    return (PlainFolder, why_not) if try_out(MemoryDisk) else (MemoryDisk, why_not)


def try_out(make: MakeVolume) -> str:
    """Return why such a disk cannot be had; empty where it can."""
    with TemporaryDirectory(prefix="local-stack-disk-") as folder:
        volume = make(Path(folder) / "try")
        try:
            volume.open()
            volume.close()
        except (VolumeError, OSError) as failure:
            return str(failure)
    return ""


def find_faketime(environment: Mapping[str, str]) -> Path | None:
    """Return the library that lets a process see another time."""
    given = environment.get(FAKETIME_LIBRARY)
    places = (
        [Path(given)] if given else [path for usual in USUAL_PLACES for path in Path("/").glob(usual[1:])]
    )
    return next((path for path in places if path.is_file()), None)
