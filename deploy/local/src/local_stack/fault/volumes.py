"""The disks of the system that is hit: real ones (ext4 on a loop device) whose power can be cut and that can fill up,
small ones in memory that can only fill up, or plain folders, with which neither can be shown.
"""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Protocol

EXT4_IOC_SHUTDOWN = 0x8004587D
GOING_DOWN_WITHOUT_FLUSHING = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: what is not on the disk is gone, the journal's open transactions with it."""

IMAGE_BYTES = 3 << 30
MEMORY_BYTES = 768 << 20
BALLAST = "ballast"
SPARE_BYTES = 64 << 10
UNMOUNT_SECONDS = 10.0
POLL_SECONDS = 0.05


class VolumeError(RuntimeError):
    """A disk could not be made, mounted or let go of."""


class Volume(Protocol):
    """Where one part keeps its files."""

    folder: Path

    def open(self) -> None:
        """Make it ready for use."""
        ...

    def close(self) -> None:
        """Let go of it; what was on it may be lost."""
        ...


class PlainFolder:
    """A folder on whatever disk there is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make it."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Nothing is held."""


class MemoryDisk:
    """A tmpfs: small, so that it can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Mount it. Raises VolumeError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={MEMORY_BYTES},mode=0755", "tmpfs", str(self.folder))

    def close(self) -> None:
        """Unmount it."""
        unmount(self.folder)


class LoopDisk:
    """An ext4 image on a loop device: what was not flushed is gone when its power is cut."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image

    def open(self) -> None:
        """Make the file system and mount it. Raises VolumeError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount it, which replays its journal. Raises VolumeError."""
        run("mount", "-o", "loop", str(self._image), str(self.folder))

    def cut_power(self) -> None:
        """Stop all writing at once, without a flush: from here on every access fails."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, GOING_DOWN_WITHOUT_FLUSHING.to_bytes(4, "little"))
        finally:
            os.close(handle)

    def come_back(self) -> None:
        """Unmount what is dead and mount it anew. Nobody may use it any more. Raises VolumeError."""
        unmount(self.folder)
        self.mount()

    def close(self) -> None:
        """Unmount it."""
        unmount(self.folder)


def fill(folder: Path) -> None:
    """Leave hardly any room on the disk of a folder."""
    ballast = folder / BALLAST
    with ballast.open("wb") as file:
        while (free := shutil.disk_usage(folder).free) > SPARE_BYTES:
            try:
                os.posix_fallocate(file.fileno(), file.tell(), max(free - SPARE_BYTES // 2, 4096))
                file.seek(0, os.SEEK_END)
            except OSError:
                return


def make_room(folder: Path) -> None:
    """Take away what filled the disk."""
    (folder / BALLAST).unlink(missing_ok=True)


def unmount(folder: Path) -> None:
    """Unmount, waiting for whoever is just letting go. Raises VolumeError."""
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while os.path.ismount(folder):
        try:
            run("umount", str(folder))
        except VolumeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def run(*command: str) -> None:
    """Run a system program. Raises VolumeError with what it said."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise VolumeError(f"{' '.join(command)}: {ended.stderr.strip()}")
