"""One stack per data folder: a lock that the system frees when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ClaimedError(RuntimeError):
    """Another stack runs on the folder."""


@contextmanager
def claim(data_dir: Path) -> Iterator[None]:
    """Hold the folder, which is made when missing. Raises ClaimedError when another process holds it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise ClaimedError(
                f"another stack (process {holder}) runs on {data_dir}; stop it first"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
