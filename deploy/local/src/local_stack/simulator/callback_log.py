"""The callback log: how the gateway answered what was told to it; counts of all, and the latest tries in full."""

from collections import Counter, deque

import msgspec

from local_stack.simulator.gateway import NO_CONNECTION


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a callback, from attempt 1; `answer` is the gateway's status or `no_connection`."""

    at_ms: int
    hook: str
    body: msgspec.Raw
    answer: str
    wrong_key: bool
    attempt: int


class CallbacksReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `GET /_control/callbacks`.

    `counts`: delivered, refused (4xx), retried, given_up, unaddressed (there was no gateway URL).
    `answers` counts the gateway's answers by status. `items` are the latest tries, oldest first.
    """

    counts: dict[str, int]
    answers: dict[str, int]
    queued: int
    held: int
    items: list[Try]


class CallbackLog:
    """Counts for ever, keeps the latest `kept` tries."""

    def __init__(self, kept: int) -> None:
        self.counts: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.tries: deque[Try] = deque(maxlen=kept)

    def record(self, tried: Try) -> None:
        """Keep one try."""
        self.answers[tried.answer] += 1
        self.tries.append(tried)

    def clear(self) -> None:
        """Forget all."""
        self.counts.clear()
        self.answers.clear()
        self.tries.clear()

    def report(self, limit: int, *, queued: int, held: int) -> CallbacksReport:
        """Report the counts and the latest `limit` tries."""
        return CallbacksReport(
            counts=dict(self.counts),
            answers=dict(self.answers),
            queued=queued,
            held=held,
            items=list(self.tries)[-limit:] if limit else [],
        )


def comes_again(answer: str) -> bool:
    """Whether a real sender tries again: no connection, too many requests, the gateway's own trouble."""
    return answer in (NO_CONNECTION, "429") or answer.startswith("5")


def verdict(answer: str) -> str:
    """Return under which word a callback is counted when it is not tried any more."""
    if answer.startswith("2"):
        return "delivered"
    return "given_up" if comes_again(answer) else "refused"
