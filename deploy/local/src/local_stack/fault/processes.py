"""Signals to a program and all that it has started, as PostgreSQL does."""

import signal
from contextlib import suppress

import psutil

GONE_SECONDS = 10.0


def tree_of(pid: int | None) -> list[psutil.Process]:
    """Return a process and all below it; nothing where it is gone."""
    if pid is None:
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def stop_tree(pid: int | None) -> None:
    """Let a program stand still."""
    _tell(tree_of(pid), signal.SIGSTOP)


def continue_tree(pid: int | None) -> None:
    """Let it go on."""
    _tell(tree_of(pid), signal.SIGCONT)


def kill_tree(pid: int | None) -> None:
    """End all of it at once, and wait until it is gone."""
    processes = tree_of(pid)
    _tell(processes, signal.SIGKILL)
    psutil.wait_procs(processes[1:], GONE_SECONDS)


def _tell(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
