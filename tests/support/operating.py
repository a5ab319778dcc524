"""The command line as an operator uses it: a process with the API's address and key in its environment."""

import asyncio
import os
import pty
import re
import sys
from typing import Any

import msgspec

from support.system import API_KEY, System


class Done(msgspec.Struct, frozen=True):
    """How a command ended, and what it said."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The output, decoded."""
        return msgspec.json.decode(self.output)

    @property
    def lines(self) -> list[list[str]]:
        """The words of each line of the output."""
        return [line.split() for line in self.output.splitlines()]

    @property
    def facts(self) -> dict[str, str]:
        """A sheet: the name of each line, and what stands behind it."""
        pairs = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in self.output.splitlines())
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


async def operate(
    system: System, *command: str, given: str = "", expect: int = 0, **environment: str
) -> Done:
    """Run a command to its end with `given` as its input, and check its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatcher", *command),
        env={**_environment(system), **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(given.encode())
    done = Done(process.returncode or 0, output.decode(), errors.decode())
    assert done.code == expect, done
    return done


async def on_terminal(system: System, *command: str) -> str:
    """Run a command at a terminal to its end; return all that the terminal got."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatcher", *command),
        env={**_environment(system), "TERM": "xterm-256color", "COLUMNS": "120"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = await asyncio.to_thread(_read_to_end, ours)
    assert await process.wait() == 0, seen
    return seen


def _environment(system: System) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**kept, "API_URL": system.api.url, "API_KEY": API_KEY}


def _read_to_end(terminal: int) -> str:
    """Read what is written to a terminal; its end is an error on Linux."""
    seen = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            seen += piece
    except OSError:
        pass
    finally:
        os.close(terminal)
    return seen.decode(errors="replace")
