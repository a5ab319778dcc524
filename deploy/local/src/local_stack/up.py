"""`make up`: the stack in the foreground. What dies is started again; Ctrl-C ends all, in order."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from local_stack.claim import claim
from local_stack.ports import ports_of
from local_stack.settings import Settings
from local_stack.stack import Stack
from local_stack.stack_file import StackFile
from local_stack.supervisor import Watch, supervise
from local_stack.welcome import welcome

ROUND_SECONDS = 0.1


def run_up(settings: Settings, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM. Raises StartError or ClaimedError when it cannot start."""
    ports = ports_of(environment)
    with claim(settings.data_dir), suppress(KeyboardInterrupt), ending_by_signal():
        stack = Stack(settings, environment, ports.next_port, say)
        with running(stack) as content:
            say(welcome(content, settings.data_dir))
            keep_up(stack, say)
    say("stopped")


@contextmanager
def running(stack: Stack) -> Iterator[StackFile]:
    """Start a stack, and stop it whatever happens; a second Ctrl-C does not cut that short."""
    try:
        yield stack.start()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        stack.stop()


def keep_up(stack: Stack, say: Callable[[str], None]) -> None:
    """Start again what ends by itself, for ever. The pids in `stack.json` follow."""
    watches = [Watch(part) for part in stack.parts]
    while True:
        if supervise(watches, time.monotonic(), say):
            stack.announce()
        time.sleep(ROUND_SECONDS)


@contextmanager
def ending_by_signal() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP, too, and on Ctrl-C though a shell switched it off."""
    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Leave whatever is going on."""
    raise KeyboardInterrupt
