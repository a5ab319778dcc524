"""A child process with a log of its own, that is waited for, stopped, and never outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LAUNCHER = Path(__file__).with_name("become.py")
POLL_SECONDS = 0.02
STOP_SECONDS = 15.0
LOG_LINES = 20
LOG_BYTES_MAX = 20 << 20


class StartError(RuntimeError):
    """A program did not come up; the message holds the reason and the last lines of its log."""


class Child:
    """One program that we own: started, watched, stopped.

    `user_id` is the user to become (None: ours); `reach` lets that user enter folders of root. `stop_signal`
    asks for an orderly end; it is also sent when we ourselves die.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user_id: int | None = None,
        reach: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log_path = log_path
        self.environment = environment
        self.stop_signal = stop_signal
        self.user_id = user_id
        self.reach = reach
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; its output is appended to the log. Call it from the main thread."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        rotate(self.log_path)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._launcher(), *self.command],
                env=None if self.environment is None else dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is for us; we stop the children in order
            )

    def _launcher(self) -> list[str]:
        user = "-" if self.user_id is None else str(self.user_id)
        reach = "yes" if self.reach else "no"
        death_signal = str(int(self.stop_signal))
        return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), death_signal, user, reach, "--"]

    @property
    def pid(self) -> int | None:
        """The process id, None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None while it runs or before the first start."""
        return None if self._process is None else self._process.poll()

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self, within_seconds: float = STOP_SECONDS) -> None:
        """Ask it to end and wait; after `within_seconds` it is killed. Nothing if it does not run."""
        if not self.is_running:
            return
        process = self._started()
        process.send_signal(self.stop_signal)
        process.send_signal(signal.SIGCONT)  # it may have been stopped for an experiment
        try:
            process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as `kill -9` does, and wait until it is gone."""
        if self.is_running:
            self._started().kill()
            self._started().wait()

    def run(self, within_seconds: float) -> None:
        """Start it and wait for its end. Raises StartError unless it ends well and in time."""
        self.start()
        try:
            self._started().wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise StartError(self._report(f"did not end within {within_seconds:g} s")) from None
        if self.exit_code != 0:
            raise StartError(self._report(f"failed (exit code {self.exit_code})"))

    def last_lines(self, count: int = LOG_LINES) -> str:
        """Return the end of its log."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open(errors="replace") as log:
            return "".join(deque(log, maxlen=count)).rstrip()

    def wait_until(self, is_ready: Callable[[], bool], within_seconds: float) -> None:
        """Wait until `is_ready` holds. Raises StartError when the program ends or the time is up."""
        deadline = time.monotonic() + within_seconds
        while not is_ready():
            if not self.is_running:
                raise StartError(self._report(f"ended with exit code {self.exit_code} before it was ready"))
            if time.monotonic() > deadline:
                raise StartError(self._report(f"was not ready within {within_seconds:g} s"))
            time.sleep(POLL_SECONDS)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StartError(f"{self.name} was not started")
        return self._process

    def _report(self, what: str) -> str:
        lines = self.last_lines() or "(its log is empty)"
        return f"{self.name} {what}. The end of {self.log_path}:\n{lines}"


def rotate(log_path: Path) -> None:
    """Put a log that has grown too long aside, over the one that was put aside before."""
    if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX:
        log_path.replace(log_path.with_suffix(".log.1"))
