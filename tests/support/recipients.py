"""Given, when, then for the recipient's decider."""

from typing import Self

from dispatcher.domain import recipient_commands as command
from dispatcher.domain import recipient_events as event
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.domain.recipient import INITIAL, evolve
from dispatcher.domain.recipient_decider import decide

POLICY = RetryPolicy((60, 120), max_attempts=3, jitter=0.0)

ATTEMPT_IDS = {1: "00000000-0000-4000-8000-000000000001", 2: "00000000-0000-4000-8000-000000000002"}
MESSAGE_IDS = {1: "3EB0000000000000000001", 2: "3EB0000000000000000002"}

queued = event.Queued(1_000, 1_000, "group", 0)


def started(attempt: int = 1, at_ms: int = 2_000) -> event.SendStarted:
    """A send that began."""
    ids = ATTEMPT_IDS[attempt], MESSAGE_IDS[attempt]
    return event.SendStarted(at_ms, attempt, *ids, at_ms + 300_000)


def confirmed(attempt: int = 1, at_ms: int = 3_000) -> event.SendConfirmed:
    """A send that was written to the socket."""
    return event.SendConfirmed(at_ms, attempt, at_ms, MESSAGE_IDS[attempt], "callback")


def failed(attempt: int = 1, at_ms: int = 3_000, retry_at_ms: int | None = 63_000) -> event.SendFailed:
    """A send that was not written to the socket."""
    return event.SendFailed(at_ms, attempt, at_ms, "Connection Closed", "callback", retry_at_ms=retry_at_ms)


class Given:
    """A recipient with a past."""

    def __init__(self, *past: event.Event) -> None:
        self.state = INITIAL
        for fact in past:
            self.state = evolve(self.state, fact)
        self.facts: list[event.Event] = []

    def when(self, *commands: command.Command) -> Self:
        """Let it decide, one command after the other."""
        for wish in commands:
            facts = decide(wish, self.state, POLICY)
            self.facts += facts
            for fact in facts:
                self.state = evolve(self.state, fact)
        return self

    def then(self, *facts: event.Event) -> Self:
        """These facts, and no others, followed."""
        assert self.facts == list(facts)
        return self

    def then_nothing(self) -> Self:
        """Nothing followed."""
        return self.then()
