"""A PostgreSQL cluster's files: made once, whole or not at all, and freed from what a crash left there."""

import os
import secrets
import shutil
import time
from pathlib import Path

from local_stack.children import Child, StartError
from local_stack.programs import postgres_program
from local_stack.unprivileged import Identity

USER = "dispatcher"
INITDB_SECONDS = 60.0
POLL_SECONDS = 0.05


def make_cluster(folder: Path, cluster: Path, identity: Identity, log_path: Path) -> None:
    """Make the cluster in `folder` with a new password in `folder/password`; nothing if it is there.

    It is made beside its place and renamed, so that one that was interrupted is made anew.
    Raises StartError.
    """
    if cluster.exists():
        return
    draft = folder / "cluster.draft"
    shutil.rmtree(draft, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_password(folder / "password")
    if identity.user_id is not None:
        for path in (folder, folder / "password"):
            os.chown(path, identity.user_id, identity.user_id)
    initdb(draft, folder / "password", identity, log_path)
    draft.rename(cluster)


def write_password(path: Path) -> None:
    """Write a new password that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(24))


def initdb(cluster: Path, password_path: Path, identity: Identity, log_path: Path) -> None:
    """Run initdb. Raises StartError with the end of its log."""
    access = [f"--username={USER}", f"--pwfile={password_path}", "--auth=scram-sha-256"]
    text = ["--encoding=UTF8", "--locale=C"]
    command = [str(postgres_program("initdb")), f"--pgdata={cluster}", *access, *text, "--no-instructions"]
    child = Child("initdb", command, log_path, user_id=identity.user_id, reach=identity.reach)
    child.run(INITDB_SECONDS)


def clear_leftover(cluster: Path, within_seconds: float) -> None:
    """Make way after a crash: wait for a server that is still ending, remove the pid file of a dead one.

    PostgreSQL would refuse to start when the process id in that file is taken again by another program.
    Raises StartError when another server keeps serving the cluster.
    """
    pid_file = cluster / "postmaster.pid"
    deadline = time.monotonic() + within_seconds
    while (pid := read_pid(pid_file)) is not None and serves(pid, cluster):
        if time.monotonic() > deadline:
            raise StartError(f"another PostgreSQL (process {pid}) serves {cluster}; stop it first")
        time.sleep(POLL_SECONDS)
    if pid is not None and can_look_up_processes():
        pid_file.unlink(missing_ok=True)


def read_pid(pid_file: Path) -> int | None:
    """Return the process id that a server left, None when there is none."""
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def can_look_up_processes() -> bool:
    """Tell whether the system shows what its processes run (/proc)."""
    return Path("/proc/self/cmdline").exists()


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether the process is a PostgreSQL on this cluster.

    False where processes cannot be looked up: PostgreSQL's own check remains.
    """
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(cluster) in arguments
