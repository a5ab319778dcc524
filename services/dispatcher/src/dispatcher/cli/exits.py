"""How a command ends: the exit codes that scripts rely on, and the failure that carries one."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. `REFUSED`: the request is sound, but the state of things does not allow it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4


class Failure(Exception):
    """A command that did not succeed. `problem` is the API's own answer, where there is one."""

    def __init__(self, text: str, code: Exit = Exit.FAILED, problem: bytes | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.problem = problem


class NoAnswer(Failure):
    """The API could not be reached, or did not answer."""
