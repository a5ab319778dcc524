"""Our own programs as parts of the stack: the gateway, the dispatcher, the simulator."""

from collections.abc import Mapping

from local_stack.children import Child
from local_stack.probes import is_ready

START_SECONDS = 60.0


class Program:
    """One of our programs; ready when its URL answers 200."""

    def __init__(self, child: Child, ready_url: str, headers: Mapping[str, str] | None = None) -> None:
        self.child = child
        self._ready_url = ready_url
        self._headers = headers

    def start(self) -> None:
        """Start it and wait until it is ready. Raises StartError with the end of its log."""
        self.launch()
        self.child.wait_until(self.is_ready, START_SECONDS)

    def launch(self) -> None:
        """Start it and do not wait."""
        self.child.start()

    def is_ready(self) -> bool:
        """Tell whether it does its work."""
        return self.child.is_running and is_ready(self._ready_url, self._headers)
