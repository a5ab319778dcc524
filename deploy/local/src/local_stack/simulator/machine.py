"""The machine: the running VPS, all that it knows and does. Carries out the plans of `outcomes`."""

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec

from local_stack.simulator.answers import NOT_CONNECTED, Answer, answer_of, regular_answer
from local_stack.simulator.behaviour import Behaviour, kept_knobs, read_overlay, while_misbehaving
from local_stack.simulator.bodies import HOOKS, render, session_status, stamp
from local_stack.simulator.callbacks import CallbackQueue, Chain, Letter
from local_stack.simulator.control_bodies import IdleReport
from local_stack.simulator.dice import Dice
from local_stack.simulator.groups import Group
from local_stack.simulator.keeping import Denied, Keeping
from local_stack.simulator.knobs import Knobs
from local_stack.simulator.ledger import Ledger
from local_stack.simulator.memory import Memory, Queued
from local_stack.simulator.messages import Message, SendBody, jid_of
from local_stack.simulator.outcomes import Fate, plan
from local_stack.simulator.script import Script, script_of
from local_stack.simulator.sessions import CONNECTED, DISCONNECTED, Session, Sessions
from local_stack.simulator.settings import Settings


class Taken(msgspec.Struct, frozen=True):
    """How one `/send` is to be answered: after `early` was told; not at all if `answer` is None."""

    kind: str
    answer: Answer | None
    delay_ms: int = 0
    hang_ms: int = 0
    early: Chain | None = None


class Machine:
    """One VPS. `clock_ms` is epoch milliseconds."""

    def __init__(
        self, settings: Settings, callbacks: CallbackQueue, clock_ms: Callable[[], int], keeping: Keeping
    ) -> None:
        self.settings = settings
        self.callbacks = callbacks
        self.behaviour = Behaviour(settings.knobs)
        self._keeping = keeping
        self.ledger = Ledger(self._keeping.entries(), self._keeping.write_entry)
        self.sessions = Sessions()
        self.groups: dict[str, list[Group]] = {}
        self.answer_kinds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.restarted = asyncio.Event()
        self._clock_ms = clock_ms
        self._memory = Memory(settings.answers_kept)
        self._attempts: Counter[str] = Counter()
        self._communities: set[str] = set()
        self._lives = self._keeping.begin(clock_ms())
        self._restore_knobs()

    def take(self, body: SendBody, idempotency_key: str | None) -> Taken:
        """Take one `/send` whose required fields are there, and say how to answer it."""
        taken = self._take(body, idempotency_key)
        self.answer_kinds[taken.kind] += 1
        return taken

    def message_status(self, session_id: str, recipient: str) -> dict[str, object]:
        """Return what `/message-status` knows: the last write to a recipient since the last restart."""
        entry = self._memory.last_to(session_id, recipient)
        if entry is None:
            self._keeping.write_denied(Denied(self._clock_ms(), session_id, recipient))
            return {"success": True, "found": False}
        style = self.behaviour.of_message(session_id, recipient).timestamps
        found = {"success": True, "found": True, "messageId": entry.message_id, "status": "sent"}
        return found | stamp(entry.sent_at_ms, style, "ms")

    def connect(self, session_id: str) -> Session:
        """Connect a session, perhaps under a new id, and tell the gateway."""
        session = self.sessions.connect(session_id, self.behaviour.of_session(session_id))
        self._tell_status(session)
        return session

    def disconnect(self, session_id: str) -> Session:
        """Disconnect a session and tell the gateway."""
        return self.set_state(session_id, DISCONNECTED)

    def set_state(
        self, session_id: str, status: str, phone_number: str | None = None, *, tell: bool = True
    ) -> Session:
        """Put a session into a state, any word, and tell the gateway if that is a change."""
        before = self.sessions.by_id.get(session_id)
        known = before.status if before else None
        session = self.sessions.put(session_id, status, phone_number)
        if tell and known != status:
            self._tell_status(session)
        return session

    def set_groups(self, session_id: str, groups: list[Group]) -> None:
        """Set the groups of a session. A message to a community parent of any session is refused with 420."""
        self.groups[session_id] = groups
        listed = (group for session_groups in self.groups.values() for group in session_groups)
        self._communities = {group.jid for group in listed if group.is_community}

    def restart(self, *, drop_callbacks: bool) -> int:
        """Forget what a restart forgets, not the ledger. Returns how many callbacks were dropped."""
        self._memory.forget()
        self._lives += 1
        self.restarted.set()
        self.restarted = asyncio.Event()
        return self.callbacks.forget() if drop_callbacks else 0

    def reset(self) -> None:
        """Begin again as at the start; only the gateway's address stays."""
        self.restart(drop_callbacks=True)
        self.behaviour.reset()
        self.ledger.clear()
        self._keeping.forget()
        self.sessions.clear()
        self.callbacks.log.clear()
        for record in (self.groups, self._communities, self.answer_kinds, self.calls, self._attempts):
            record.clear()

    def _restore_knobs(self) -> None:
        """Be of the same build as in the life before."""
        behaviour, kept = self.behaviour, self._keeping.knobs()
        if kept is not None:
            behaviour.set_defaults(read_overlay(bytes(kept.defaults)), keep=True)
            for session_id, overlay in kept.sessions.items():
                behaviour.set_session(session_id, read_overlay(bytes(overlay)), keep=False)
            for recipient, overlay in kept.recipients.items():
                behaviour.set_recipients([recipient], read_overlay(bytes(overlay)), keep=False)
        behaviour.changed = lambda: self._keeping.write_knobs(kept_knobs(behaviour))

    def idle(self) -> IdleReport:
        """Say whether all is quiet."""
        queued, unwritten = self.callbacks.queued(), len(self._memory.unwritten)
        return IdleReport(
            idle=not queued and not unwritten,
            queued_callbacks=queued,
            unwritten_messages=unwritten,
            held_callbacks=self.callbacks.held(),
        )

    def _take(self, body: SendBody, idempotency_key: str | None) -> Taken:
        session_id, recipient = body.session_id or "", jid_of(body.phone or "")
        repeated = self._memory.answer_to(session_id, idempotency_key)
        if repeated is not None:
            return Taken("replayed", repeated)
        if not self._connected(session_id):
            return Taken("not_connected", NOT_CONNECTED)
        self._attempts[recipient] += 1
        attempt = self._attempts[recipient]
        knobs = while_misbehaving(self.behaviour.of_message(session_id, recipient), attempt)
        dice = Dice(self.settings.seed, f"{session_id}|{recipient}|{attempt}")
        planned = plan(knobs, dice, community_parent=recipient in self._communities)
        message = self._message(body, recipient, idempotency_key, knobs, dice)
        return self._carry_out(Queued(message, knobs, dice, planned))

    def _connected(self, session_id: str) -> bool:
        session = self.sessions.find(session_id, self.behaviour.of_session(session_id))
        return session is not None and session.status == CONNECTED

    def _message(
        self, body: SendBody, recipient: str, idempotency_key: str | None, knobs: Knobs, dice: Dice
    ) -> Message:
        reserved = body.message_id if knobs.honour_message_id else None
        return Message(
            session_id=body.session_id or "",
            recipient=recipient,
            message_id=reserved or f"3EB0{dice.digest(f'id{self._lives}', 9).hex().upper()}",
            text=body.message or "",
            media_url=body.media_url,
            client_ref=body.client_ref,
            idempotency_key=idempotency_key,
        )

    def _carry_out(self, queued: Queued) -> Taken:
        planned, knobs, message = queued.plan, queued.knobs, queued.message
        early = None
        if planned.fate is not Fate.NOT_TAKEN:
            if message.idempotency_key and knobs.honour_idempotency_key:
                answer = regular_answer(planned, knobs, message.message_id)
                self._memory.keep_answer(message.session_id, message.idempotency_key, answer)
            early = self._enqueue(queued)
        hidden_or_said = answer_of(planned, knobs, message.message_id)
        return Taken(planned.answer.value, hidden_or_said, knobs.answer_delay_ms, knobs.hang_ms, early)

    def _enqueue(self, queued: Queued) -> Chain | None:
        if queued.plan.queue_ms == 0:
            return self._write(queued)
        self._memory.unwritten.add(queued)
        asyncio.get_running_loop().call_later(queued.plan.queue_ms / 1000, self._write_if_kept, queued)
        return None

    def _write_if_kept(self, queued: Queued) -> None:
        """Write a message whose time in the queue is over, unless a restart has lost it."""
        if queued in self._memory.unwritten:
            self._memory.unwritten.discard(queued)
            self._write(queued)

    def _write(self, queued: Queued) -> Chain | None:
        """Write a message to the socket and queue its callbacks. Returns the early ones, if they are."""
        message, fate, error = queued.message, queued.plan.fate, queued.plan.error
        now_ms = self._clock_ms()
        if not self._connected(message.session_id):
            fate, error = Fate.FAILED, None
        if fate in (Fate.WRITTEN, Fate.REFUSED):
            self._memory.keep_last(self.ledger.write(message, now_ms, refused=fate is Fate.REFUSED))
        script = script_of(queued.knobs, queued.dice, message, fate, error)
        return self._tell(queued, script, now_ms) if script.steps else None

    def _tell(self, queued: Queued, script: Script, written_at_ms: int) -> Chain | None:
        knobs, early = queued.knobs, queued.plan.early
        letters = [
            Letter(HOOKS[step.event], render(step, queued.message, knobs, written_at_ms), step.leaves_ms)
            for step in script.steps
        ]
        if script.hold:
            for _ in range(script.copies):
                self.callbacks.hold(letters, wrong_key=script.wrong_key, burst_size=knobs.burst_size)
            return None
        chains = [
            self.callbacks.send(letters, wrong_key=script.wrong_key, now=early) for _ in range(script.copies)
        ]
        return chains[0] if early else None

    def _tell_status(self, session: Session) -> None:
        """Queue a session-status callback, unless the session is silent."""
        knobs = self.behaviour.of_session(session.session_id)
        if not knobs.silent:
            now_ms, number = self._clock_ms(), session.phone_number
            body = session_status(session.session_id, session.status, number, now_ms, knobs.timestamps)
            self.callbacks.send([Letter("session-status", body)])
