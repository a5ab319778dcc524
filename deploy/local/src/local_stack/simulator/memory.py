"""The memory: what the VPS knows only until it restarts: its queue, its answers, the last message to each."""

import msgspec

from local_stack.simulator.answers import Answer
from local_stack.simulator.dice import Dice
from local_stack.simulator.knobs import Knobs
from local_stack.simulator.ledger import Entry
from local_stack.simulator.messages import Message
from local_stack.simulator.outcomes import Plan


class Queued(msgspec.Struct, frozen=True, eq=False):
    """A message in the VPS's queue: taken, not yet written."""

    message: Message
    knobs: Knobs
    dice: Dice
    plan: Plan


class Memory:
    """`unwritten` is the queue. At most `answers_kept` answers are kept, the oldest go first."""

    def __init__(self, answers_kept: int) -> None:
        self.unwritten: set[Queued] = set()
        self._answers_kept = answers_kept
        self._answers: dict[tuple[str, str], Answer] = {}
        self._last: dict[tuple[str, str], Entry] = {}

    def forget(self) -> None:
        """Forget all."""
        self.unwritten.clear()
        self._answers.clear()
        self._last.clear()

    def answer_to(self, session_id: str, idempotency_key: str | None) -> Answer | None:
        """Return how a request with this key was answered before, if it was."""
        return self._answers.get((session_id, idempotency_key)) if idempotency_key else None

    def keep_answer(self, session_id: str, idempotency_key: str, answer: Answer) -> None:
        """Keep the answer to a request with this key."""
        if len(self._answers) >= self._answers_kept:
            del self._answers[next(iter(self._answers))]
        self._answers[session_id, idempotency_key] = answer

    def last_to(self, session_id: str, recipient: str) -> Entry | None:
        """Return the last message written to a recipient by this session."""
        return self._last.get((session_id, recipient))

    def keep_last(self, entry: Entry) -> None:
        """Keep a write as the last one to its recipient."""
        self._last[entry.session_id, entry.recipient] = entry
