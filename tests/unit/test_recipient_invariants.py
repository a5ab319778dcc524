"""Whatever is answered, reported and decided, in whatever order: what always holds of one recipient."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain import recipient_commands as command
from dispatcher.domain import recipient_events as event
from dispatcher.domain.recipient import INITIAL, Recipient, evolve
from dispatcher.domain.recipient_decider import decide
from dispatcher.domain.status import Status
from support.recipients import POLICY, queued

PAUSES_MS = (1, 500, 30_000, 120_000, 2_000_000)
ABOUT_ANY = {
    "sent": lambda now, number: command.RecordSent(now, number, now, None, "callback"),
    "failed": lambda now, number: command.RecordFailed(now, number, now, "Connection Closed", "callback"),
    "error 420": lambda now, number: command.RecordErrorAck(now, number, now, 420, "no"),
    "error 421": lambda now, number: command.RecordErrorAck(now, number, now, 421, "no"),
    "error 463": lambda now, number: command.RecordErrorAck(now, number, now, 463, "no"),
    "error 479": lambda now, number: command.RecordErrorAck(now, number, now, 479, "no"),
    "delivered": lambda now, number: command.RecordReceipt(now, number, now, "delivered", "1"),
}
ABOUT_THE_LAST = {
    "accepted": command.RecordAccepted,
    "rejected": lambda now, number: command.RecordRejected(now, number, "rejected", "bad"),
    "not taken": lambda now, number: command.RecordNotTaken(now, number, "503", None, now + 2_000),
    "unknown": lambda now, number: command.RecordUnknown(now, number, "timeout"),
    "expire": command.Expire,
    "hold": lambda now, number: command.Hold(now, number, "cannot tell"),
    "not sent, by a look-up": lambda now, number: command.RecordFailed(
        now, number, now, "not sent", "lookup"
    ),
    "resent by policy": lambda now, number: command.RecordFailed(now, number, now, "unknown", "policy"),
    "retry": lambda now, _: command.Retry(now, "dana"),
    "retry all": lambda now, _: command.Retry(now, "dana", include_unconfirmed=True),
    "retry now": lambda now, _: command.Retry(now, "dana", pending=True),
    "say sent": lambda now, _: command.Confirm(now, "sent", "dana"),
    "say failed": lambda now, _: command.Confirm(now, "failed", "dana"),
}
STARTS = ["start"] * 10
"""A send must start often, or nothing is there to be told of."""
happenings = st.tuples(
    st.sampled_from(PAUSES_MS),
    st.sampled_from([*STARTS, *ABOUT_ANY, *ABOUT_THE_LAST]),
    st.integers(0, 3),
)


def wish_of(recipient: Recipient, now: int, name: str, which: int) -> command.Command | None:
    """Return what is told; `which` attempt from the last, of the reports that may be about any."""
    if name == "start":
        fresh = UUID(int=now)
        is_due = recipient.due_at_ms is not None and recipient.due_at_ms <= now
        return command.StartSend(now, str(fresh), f"3EB0{now}", now + 300_000) if is_due else None
    if not recipient.attempts:
        return None
    if name in ABOUT_THE_LAST:
        return ABOUT_THE_LAST[name](now, recipient.attempts[-1].number)
    return ABOUT_ANY[name](now, recipient.attempts[-1 - which % len(recipient.attempts)].number)


def check_start(recipient: Recipient, started: event.SendStarted) -> None:
    """What holds where another send starts, of the recipient before it."""
    assert started.attempt > recipient.forgiven, "its failure would count for nothing"
    assert started.attempt - recipient.forgiven <= POLICY.max_attempts
    assert not any(attempt.open for attempt in recipient.attempts), "two may leave"
    assert recipient.forbidding is None, "a final failure forbids another"


@settings(max_examples=600, deadline=None)
@given(st.lists(happenings, min_size=4, max_size=40))
def test_no_send_starts_beside_another_or_against_a_final_failure_and_each_counts(told):
    recipient, now = evolve(INITIAL, queued), queued.at_ms
    for pause_ms, name, which in told:
        now += pause_ms
        wish = wish_of(recipient, now, name, which)
        for fact in decide(wish, recipient, POLICY) if wish else []:
            if isinstance(fact, event.SendStarted):
                check_start(recipient, fact)
            recipient = evolve(recipient, fact)
        is_queued = recipient.status is Status.QUEUED
        assert is_queued == (recipient.due_at_ms is not None)
        opened = [attempt for attempt in recipient.attempts if attempt.open]
        assert len(opened) <= 1
        assert not (is_queued and opened), "it would be sent twice"
        if recipient.status in (Status.PROCESSING, Status.UNCONFIRMED):
            assert opened == [recipient.last], "nobody would ask about it"
