"""Evidence of a run in which one message went out as it should, for tests that spoil it."""

from msgspec.structs import replace

from local_stack.fault.evidence import Body, Callback, Evidence, Facts, Published, Shown, Stored
from local_stack.simulator.ledger import Entry

CAMPAIGN = "6f1c0000-0000-4000-8000-000000000001"
SESSION = "wa_full_000"
JID = "120363000000000001@g.us"
STREAM = f"recipient-{CAMPAIGN}+{JID}"
ATTEMPT_ID = "a1"
MESSAGE_ID = "3EB0A1"
STARTED_MS = 1_000
SENT_MS = 1_500
PUBLISHABLE = frozenset({"campaign.accepted", "recipient.queued", "recipient.started", "recipient.sent"})


def entry(number: int = 1, **fields: object) -> Entry:
    """A write of the VPS."""
    usual = Entry(
        number=number,
        recipient=JID,
        session_id=SESSION,
        message_id=MESSAGE_ID,
        client_ref=ATTEMPT_ID,
        idempotency_key=ATTEMPT_ID,
        sent_at_ms=SENT_MS,
        text="hello",
        text_digest="d",
    )
    return replace(usual, **fields)


def callback(event: str = "message_sent", identity: str = "sc-1", **fields: object) -> Callback:
    """A callback that was answered 202."""
    body = Body(event=event, session_id=SESSION, group_jid=JID, message_id=MESSAGE_ID, client_ref=ATTEMPT_ID)
    return replace(Callback(hook="send-callback", answer="202", body=body, id=identity), **fields)


def stored(
    position: int, event_type: str, stream: str = STREAM, causation: str | None = None, **facts: object
) -> Stored:
    """An event of the store."""
    return Stored(
        position=position,
        id=f"e{position}",
        stream=stream,
        type=event_type,
        causation=causation,
        facts=Facts(**facts),
    )


def published(*events: Stored) -> list[Published]:
    """What was published of events."""
    return [
        Published(id=event.id, position=event.position, broadcast_id=event.campaign_id) for event in events
    ]


def good() -> Evidence:
    """All is well: asked for, sent, confirmed by its callback, published."""
    events = [
        stored(1, "campaign.accepted", f"campaign-{CAMPAIGN}"),
        stored(2, "recipient.queued"),
        stored(
            3, "recipient.started", attempt=1, attempt_id=ATTEMPT_ID, message_id=MESSAGE_ID, at_ms=STARTED_MS
        ),
        stored(4, "recipient.sent", causation="sc-1", attempt=1, message_id=MESSAGE_ID, sent_at_ms=SENT_MS),
        stored(5, "session.used", f"session-{SESSION}"),
    ]
    return Evidence(
        planned=[(SESSION, JID)],
        shown=[
            Shown(
                campaign_id=CAMPAIGN, session_id=SESSION, recipient=JID, status="sent", message_id=MESSAGE_ID
            )
        ],
        ledger=[entry()],
        lives_ms=[0],
        denied=[],
        callbacks=[callback()],
        stored=events,
        parked=frozenset(),
        published=published(*events[:4]),
        publishable=PUBLISHABLE,
    )


def with_stored(evidence: Evidence, *events: Stored) -> Evidence:
    """The same, with more events in the store, all of them published."""
    return replace(
        evidence,
        stored=[*evidence.stored, *events],
        published=[*evidence.published, *published(*events)],
    )
