"""What became of a send that nobody confirmed? Asked of the VPS by `/message-status`, and judged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.timestamps import instant
from contracts.wire import MessageStatusRequest
from dispatcher.answers import Found, NoLookup, NotFound, Remembered, Unreachable
from dispatcher.domain import recipient_commands as command
from dispatcher.domain.clocks import latest_ms
from dispatcher.domain.status import Status
from dispatcher.handling import Cause, Handling
from dispatcher.projections import recipient_status
from dispatcher.projections.rows import RecipientRow
from dispatcher.store.stream_names import Key
from dispatcher.translate import to_ms

log = logging.getLogger(__name__)

Policy = Literal["hold", "resend"]
LookUp = Callable[[MessageStatusRequest], Awaitable[Remembered]]

PARALLEL = 10
"""So many look-ups are under way at once."""
NO_LOOKUP = "this VPS cannot look messages up"


class Sent(msgspec.Struct, frozen=True):
    """An attempt that nobody has settled, or that failed. `begun_at_ms`: when its message may first have left, which a
    repeat tells of the attempt that it repeats.
    """

    campaign_id: UUID
    recipient: str
    number: int
    attempt_id: str
    session_id: str
    message_id: str
    started_at_ms: int
    begun_at_ms: int

    @property
    def key(self) -> Key:
        """Its campaign and its JID."""
        return self.campaign_id, self.recipient


class Settled(msgspec.Struct, frozen=True):
    """The VPS's word on an attempt: it was sent, with id and time (epoch ms)."""

    message_id: str
    at_ms: int


class NotSent(msgspec.Struct, frozen=True):
    """The VPS's word on an attempt: it was not sent."""


class CannotTell(msgspec.Struct, frozen=True):
    """The VPS does not know."""

    reason: str


class AskAgain(msgspec.Struct, frozen=True):
    """The VPS gave no usable answer."""

    reason: str


Finding = Settled | NotSent | CannotTell | AskAgain

_CLAIMS = text("""
    SELECT EXISTS (SELECT 1 FROM message_ids WHERE message_id = :message_id),
           EXISTS (SELECT 1 FROM open_attempts
                   WHERE session_id = :session_id AND recipient = :recipient
                     AND (campaign_id <> :campaign_id OR number <> :number))
           OR EXISTS (SELECT 1 FROM attempts
                      WHERE session_id = :session_id AND started_at_ms >= :started_at_ms AND recipient = :recipient
                        AND (campaign_id <> :campaign_id OR number <> :number))
""")
"""Whether an id is some message's, and whether it may be of another attempt; by one statement, so that nobody who
claims it meanwhile is missed.
"""
_WITNESSES = text(f"""
    SELECT {recipient_status.COLUMNS} FROM (
        SELECT campaign_id, recipient FROM attempts a
        WHERE a.session_id = :session_id AND a.started_at_ms < :before_ms AND a.recipient <> :recipient
        ORDER BY a.started_at_ms DESC LIMIT :limit
    ) a JOIN recipient_status r USING (campaign_id, recipient)
    WHERE r.status IN ('sent', 'delivered', 'read')
""")  # noqa: S608  # the inserted text is a constant
WITNESSES = 20
"""So many earlier attempts of the session are searched for witnesses."""
WITNESSES_ASKED = 3
"""So many of them the VPS is asked about at the most: each is a call."""


class Claim(Enum):
    """Whose a message id may be that is not the one that we gave."""

    TAKEN = "taken"
    """Some message's that we know."""
    DOUBTFUL = "doubtful"
    """Nobody's yet, and another attempt at the recipient is open, or began later than ours."""
    FREE = "free"
    """Nobody's yet, and no other attempt's."""


def judge(attempt: Sent, remembered: Found | NoLookup | Unreachable, claim: Claim, skew_ms: int) -> Finding:
    """Return what the VPS's memory of the last message to a recipient says of our attempt.

    `claim` is about the id that it remembers. An older message is proof that ours did not leave: the memory reaches
    back and nothing followed. One between an attempt and its repeat may be either's, and one without a readable time
    anybody's. `skew_ms` is how far the clocks may be apart.
    """
    match remembered:
        case NoLookup():
            return CannotTell(NO_LOOKUP)
        case Unreachable(reason):
            return AskAgain(reason)
        case Found(message_id, timestamp):
            at = instant(timestamp)
            if message_id == attempt.message_id:
                return Settled(message_id, to_ms(at) if at else attempt.started_at_ms)
            if at is None:
                return CannotTell("the VPS remembers a message, and not its time")
            at_ms = to_ms(at)
            if latest_ms(at_ms, skew_ms) < attempt.begun_at_ms:
                return NotSent()
            if claim is Claim.FREE and latest_ms(at_ms) >= attempt.started_at_ms:
                return Settled(message_id, max(at_ms, attempt.started_at_ms))
            if claim is Claim.DOUBTFUL:
                return CannotTell("the VPS remembers a message that may be another's")
            return CannotTell("the VPS remembers another message")


def weigh(
    witness: Remembered, message_id: str, begun_at_ms: int, skew_ms: int
) -> NotSent | CannotTell | AskAgain | None:
    """Return what "not found" is worth, by what the VPS remembers last of a recipient that certainly got `message_id`
    before `begun_at_ms`, when ours may have left; None where that tells nothing, since a later message has taken its
    place. The VPS forgets all when it restarts, and then says of everything that it was not sent.
    """
    match witness:
        case Found(found_id, timestamp):
            at = instant(timestamp)
            is_earlier = at is not None and latest_ms(to_ms(at), skew_ms) < begun_at_ms
            return NotSent() if found_id == message_id or is_earlier else None
        case NotFound():
            return CannotTell("the VPS has forgotten what it sent")
        case NoLookup():
            return CannotTell(NO_LOOKUP)
        case Unreachable(reason):
            return AskAgain(reason)


class Inquiry:
    """Asks the VPS. `skew_seconds` is how far its clock may be from ours."""

    def __init__(self, engine: AsyncEngine, look_up: LookUp, policy: Policy, skew_seconds: float = 2) -> None:
        self._engine = engine
        self._look_up = look_up
        self._policy = policy
        self._skew_ms = round(skew_seconds * 1000)

    async def find(self, attempts: Sequence[Sent]) -> list[Finding]:
        """Return what the VPS says of each, several asked at once."""
        gate = asyncio.Semaphore(PARALLEL)
        return await asyncio.gather(*(self._find(attempt, gate) for attempt in attempts))

    def tell(self, handling: Handling, attempt: Sent, finding: Finding, cause: Cause) -> None:
        """Let the recipient draw its conclusion; where there was no usable answer there is none. An attempt that was
        not taken, as we may have heard meanwhile, gives its number to the next: only that the message was sent is
        true of both.
        """
        if isinstance(finding, AskAgain):
            log.warning(
                "[WA_SEND] look-up failed broadcast_id=%s reason=%s", attempt.campaign_id, finding.reason
            )
            return
        bearer = handling.changes.recipients[attempt.key].state.attempt(attempt.number)
        if isinstance(finding, Settled) or (bearer and bearer.id == attempt.attempt_id):
            handling.tell_recipient(attempt.key, self._conclusion(handling, attempt, finding), cause)

    def _conclusion(
        self, handling: Handling, attempt: Sent, finding: Settled | NotSent | CannotTell
    ) -> command.Command:
        now_ms, number = handling.now_ms, attempt.number
        match finding:
            case Settled(message_id, at_ms):
                return command.RecordSent(now_ms, number, at_ms, message_id, "lookup")
            case NotSent():
                return command.RecordFailed(now_ms, number, now_ms, "not sent, says the VPS", "lookup")
            case CannotTell(reason) if self._may_resend(handling, attempt):
                error = f"outcome unknown ({reason}); sent again by policy"
                return command.RecordFailed(now_ms, number, now_ms, error, "policy")
            case CannotTell(reason):
                return command.Hold(now_ms, number, reason)

    def _may_resend(self, handling: Handling, attempt: Sent) -> bool:
        """Tell whether the policy sends again what nobody can tell of; the last attempt is held: it may have left."""
        left = attempt.number < handling.rules.retry.max_attempts
        return self._policy == "resend" and left and is_undecided(handling, attempt)

    async def _find(self, attempt: Sent, gate: asyncio.Semaphore) -> Finding:
        async with gate:
            remembered = await self._ask(attempt.session_id, attempt.recipient)
            if isinstance(remembered, NotFound):
                return await self._weighed(attempt)
            return judge(attempt, remembered, await self._claim(attempt, remembered), self._skew_ms)

    async def _ask(self, session_id: str, recipient: str) -> Remembered:
        return await self._look_up(MessageStatusRequest(session_id=session_id, group_jid=recipient))

    async def _claim(self, attempt: Sent, remembered: Found | NoLookup | Unreachable) -> Claim:
        if not isinstance(remembered, Found) or remembered.message_id == attempt.message_id:
            return Claim.FREE
        parameters = {
            "message_id": remembered.message_id,
            "session_id": attempt.session_id,
            "campaign_id": attempt.campaign_id,
            "recipient": attempt.recipient,
            "number": attempt.number,
            "started_at_ms": attempt.started_at_ms,
        }
        async with self._engine.connect() as connection:
            is_taken, is_doubtful = (await connection.execute(_CLAIMS, parameters)).one()
        if is_taken:
            return Claim.TAKEN
        return Claim.DOUBTFUL if is_doubtful else Claim.FREE

    async def _weighed(self, attempt: Sent) -> Finding:
        """Return what it means that the VPS knows nothing of an attempt. Without an earlier message on the session
        nothing speaks against its word; with some, one must show that its memory reaches back to before ours.
        """
        parameters = {
            "session_id": attempt.session_id,
            "recipient": attempt.recipient,
            "before_ms": attempt.begun_at_ms,
            "limit": WITNESSES,
        }
        async with self._engine.connect() as connection:
            rows = [recipient_status.read(row) for row in await connection.execute(_WITNESSES, parameters)]
        witnesses = [
            (row.recipient, telling.message_id)
            for row in rows
            if (telling := row.state.telling)
            and telling.sent_at_ms
            and telling.sent_at_ms < attempt.begun_at_ms
        ]
        for recipient, message_id in witnesses[:WITNESSES_ASKED]:
            witness = await self._ask(attempt.session_id, recipient)
            weighed = weigh(witness, message_id, attempt.begun_at_ms, self._skew_ms)
            if weighed is not None:
                return weighed
        return CannotTell("the VPS may have forgotten what it sent") if witnesses else NotSent()


def described(row: RecipientRow, number: int, session_id: str) -> Sent:
    """Return what there is to ask about an attempt of a recipient."""
    attempt = row.state.attempt(number)
    if attempt is None:
        raise LookupError(f"a recipient of {row.campaign_id} knows nothing of attempt {number}")
    return Sent(
        *row.key,
        number,
        attempt.id,
        session_id,
        attempt.message_id,
        attempt.started_at_ms,
        row.state.begun_at_ms(attempt),
    )


def is_undecided(handling: Handling, attempt: Sent) -> bool:
    """Tell whether nobody knows what became of it."""
    return handling.changes.recipients[attempt.key].state.status is Status.UNCONFIRMED
