"""The keeper: starts again what ended, as an orchestrator would, unless a fault holds it down."""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from local_stack.children import StartError
from local_stack.supervisor import Part, describe_end

PAUSE_SECONDS = 0.5
"""So long after its start a part that ended is started again."""


class Keeper:
    """Looks after parts by name. `ended` counts what ended although no fault had done it."""

    def __init__(self, parts: Mapping[str, Part], report: Callable[[str], None]) -> None:
        self.parts = parts
        self.ended: Counter[str] = Counter()
        self._held: set[str] = set()
        self._launched: dict[str, float] = {}
        self._report = report

    def hold(self, *names: str) -> None:
        """Leave parts down from now on."""
        self._held |= set(names)

    def release(self, *names: str) -> None:
        """Start parts again, at the next look."""
        self._held -= set(names)
        for name in names:
            self._launched.pop(name, None)
            self._launch(name)

    def look(self) -> None:
        """Start what has ended and is not held down."""
        for name, part in self.parts.items():
            if name not in self._held and not part.child.is_running:
                self._bring_back(name, part)

    def _bring_back(self, name: str, part: Part) -> None:
        if time.monotonic() < self._launched.get(name, 0.0) + PAUSE_SECONDS:
            return
        self.ended[name] += 1
        self._report(f"{name} {describe_end(part.child.exit_code)} by itself; starting it again")
        self._launch(name)

    def _launch(self, name: str) -> None:
        part = self.parts[name]
        if part.child.is_running:
            return
        self._launched[name] = time.monotonic()
        try:
            part.launch()
        except (StartError, OSError) as failure:
            self._report(f"{name} does not start yet: {failure}")
