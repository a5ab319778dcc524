"""The last step before a child's program: tie it to its parent, give up root if asked, then exec.

Runs as a program of its own (`python -I -S become.py …`), so that nothing happens between fork and exec of
a parent that may have threads. The process id stays the same. Standard library only.

usage: become.py <parent pid> <signal when it dies> <user id or -> <reach: yes|no> -- <program> [args…]
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Become the program after `--`; exits with 70 when the parent is already gone."""
    parent, death_signal, user, reach = arguments[:4]
    command = arguments[5:]
    if user != "-":
        drop_root(int(user), keep_reach=reach == "yes")
    die_with_parent(int(parent), int(death_signal))
    os.execv(command[0], command)  # noqa: S606 - the command comes from the parent


def drop_root(user: int, *, keep_reach: bool) -> None:
    """Go on as `user`. With `keep_reach` the program may still enter folders that only root may enter.

    PostgreSQL refuses to run as root, and a project may lie in a folder with mode 700.
    """
    libc = ctypes.CDLL(None, use_errno=True) if keep_reach and sys.platform == "linux" else None
    if libc is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # PostgreSQL asks access(2) about its own programs, which else counts no right of an ordinary user.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    if libc is not None:
        keep_capability(libc, CAP_DAC_OVERRIDE)


def keep_capability(libc: ctypes.CDLL, capability: int) -> None:
    """Carry one capability over exec and drop all others (capabilities(7), ambient set). Raises OSError."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    sets = (ctypes.c_uint32 * 6)(
        bit, bit, bit, 0, 0, 0
    )  # effective, permitted, inheritable; low and high half
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset: the right to enter root's folders cannot be kept")
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Be sent `death_signal` when the parent dies, by `kill -9` too. Linux only; nothing elsewhere.

    Comes after the change of user, which would clear it. The kernel watches the *thread* that started the
    child, so children are started from the main thread.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(70)


if __name__ == "__main__":
    main(sys.argv[1:])
