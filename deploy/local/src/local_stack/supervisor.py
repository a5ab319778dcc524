"""Keeps the parts of a stack up: what ends by itself is started again, on the same ports, with patience."""

import signal
from collections.abc import Callable, Sequence
from typing import Protocol

from local_stack.children import Child, StartError

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
CALM_SECONDS = 30.0
"""After so long without an end, a part is trusted again."""


class Part(Protocol):
    """A server or program of the stack."""

    @property
    def child(self) -> Child:
        """Its process."""
        ...

    def start(self) -> None:
        """Start it and wait until it is ready."""
        ...

    def launch(self) -> None:
        """Start it and do not wait."""
        ...

    def is_ready(self) -> bool:
        """Tell whether it does its work."""
        ...


class Watch:
    """One part under supervision. Feed it the time; it says what happened, or nothing."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.is_down = False
        self._launched_at = 0.0
        self._delay = FIRST_DELAY_SECONDS

    def look(self, now: float) -> str | None:
        """Start the part again when it has ended and its delay is over. `now` is in seconds."""
        if not self.part.child.is_running:
            return self._relaunch(now)
        if self.is_down and self.part.is_ready():
            self.is_down = False
            return f"{self.part.child.name} is back (process {self.part.child.pid})"
        if not self.is_down and now - self._launched_at > CALM_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        return None

    def _relaunch(self, now: float) -> str | None:
        if now < self._launched_at + self._delay:
            return None
        ending = describe_end(self.part.child.exit_code)
        self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS) if self.is_down else self._delay
        self.is_down = True
        self._launched_at = now
        try:
            self.part.launch()
        except StartError as failure:
            return f"{self.part.child.name} does not start: {failure}"
        return f"{self.part.child.name} {ending}; starting it again"


def supervise(watches: Sequence[Watch], now: float, report: Callable[[str], None]) -> bool:
    """Look at each part once. True when one came back, so that what is known of it has changed."""
    for watch in watches:
        was_down = watch.is_down
        said = watch.look(now)
        if said:
            report(said)
        if was_down and not watch.is_down:
            return True
    return False


def describe_end(exit_code: int | None) -> str:
    """Say in words how a process ended."""
    if exit_code is None:
        return "has not started"
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
