"""Who PostgreSQL runs as, since it refuses root."""

import os
import pwd
import stat
from pathlib import Path

import msgspec

NOBODY = "nobody"
NOBODY_ID = 65_534


class Identity(msgspec.Struct, frozen=True):
    """A user to become (None: stay who we are), and whether it must be let into folders of root."""

    user_id: int | None = None
    reach: bool = False


def identity_for(folder: Path, program: Path) -> Identity:
    """Choose who runs `program` on the files of `folder`.

    Ourselves; when we are root, the folder's owner; and when that is root, too, nobody.
    """
    if os.geteuid() != 0:
        return Identity()
    owner = folder.stat().st_uid if folder.exists() else 0
    return Identity(owner or nobody_id(), reach=not (is_open(folder.parent) and is_open(program.parent)))


def nobody_id() -> int:
    """Return the id of the unprivileged user."""
    try:
        return pwd.getpwnam(NOBODY).pw_uid
    except KeyError:
        return NOBODY_ID


def is_open(folder: Path) -> bool:
    """Tell whether any user may enter the folder, which all folders above must allow."""
    resolved = folder.resolve()
    return all(each.stat().st_mode & stat.S_IXOTH for each in (resolved, *resolved.parents))
