"""Files that hold secrets: only their owner reads them, and readers see the old content or the new, whole."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 600 in one step."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
