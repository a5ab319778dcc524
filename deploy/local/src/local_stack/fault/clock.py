"""Another time for one process: libfaketime reads it from a file, which is changed while the process runs.

Only the wall clock steps; the monotonic one goes on, as when somebody sets a machine's time.
"""

from pathlib import Path


class Clock:
    """The clock of one program. `library` None: it cannot be turned, and the environment stays empty."""

    def __init__(self, library: Path | None, path: Path) -> None:
        self._library = library
        self._path = path
        self.turn(0)

    @property
    def environment(self) -> dict[str, str]:
        """What the program needs in its environment."""
        if self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def turn(self, seconds: int) -> None:
        """Let the program see a time that is so many seconds ahead of ours (negative: behind)."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._path)
