"""The knobs: everything that the simulated VPS can do well or badly, with its default.

A chance is a probability from 0 (never) to 1 (always). The descriptions here are the ones that `--help` and
`SIMULATOR.md` show.
"""

from typing import Annotated, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

Chance = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Copies = Annotated[int, Meta(ge=1, le=1_000)]
Short = Annotated[str, Meta(max_length=4096)]


TimestampStyle = Literal["native", "ms", "s", "iso", "none"]
IdField = Literal["id", "jid", "groupId", "mixed"]
NameField = Literal["name", "subject", "mixed"]
ParticipantsField = Literal["number", "array", "participantsCount", "size", "mixed"]


def says(text: str) -> Meta:
    """Describe a knob."""
    return Meta(description=text)


class Knobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One full set of knobs. Levels (default, session, recipient) are laid over each other in `behaviour`."""

    only_first: Annotated[
        Count, says("Chances hold for the first N sends to a recipient only, then it behaves; 0: always")
    ] = 0

    answer_delay_ms: Annotated[Milliseconds, says("Wait before answering; the message is queued first")] = 0
    lose_answer: Annotated[Chance, says("Chance to queue the message and never answer")] = 0.0
    hang_ms: Annotated[Milliseconds, says("How long a lost answer holds the connection open")] = 60_000
    reset_before: Annotated[Chance, says("Chance of a TCP reset, nothing queued")] = 0.0
    reset_after: Annotated[Chance, says("Chance of a TCP reset after queuing")] = 0.0
    refuse_400: Annotated[Chance, says("Chance of 400 with a JSON error")] = 0.0
    refuse_401: Annotated[Chance, says("Chance of 401 although the key is right")] = 0.0
    refuse_429: Annotated[Chance, says("Chance of 429 with Retry-After")] = 0.0
    retry_after_s: Annotated[Count, says("The Retry-After of a 429, in seconds")] = 1
    refuse_503: Annotated[Chance, says("Chance of 503 although the session is connected")] = 0.0
    proxy_502_before: Annotated[Chance, says("Chance of 502 with an HTML body, nothing queued")] = 0.0
    proxy_502_after: Annotated[Chance, says("Chance of 502 with an HTML body after queuing")] = 0.0
    reject: Annotated[Chance, says("Chance of 200 with success:false, nothing queued")] = 0.0
    reject_error: Annotated[Short, says("The error text of a rejection or a 400")] = "Recipient rejected"
    unreadable: Annotated[Chance, says("Chance of 200 with garbage after queuing")] = 0.0
    synchronous: Annotated[bool, says("Old build: answers with the messageId once it is written")] = False
    synchronous_callback: Annotated[bool, says("The old build sends its callback as well")] = False

    queue_min_ms: Annotated[Milliseconds, says("Shortest time in the VPS's queue before the write")] = 0
    queue_max_ms: Annotated[Milliseconds, says("Longest time in the VPS's queue before the write")] = 0
    swallow: Annotated[Chance, says("Chance to accept, never send and never call back")] = 0.0
    fail: Annotated[Chance, says("Chance of message_failed instead of message_sent")] = 0.0
    fail_error: Annotated[Short, says("The error text of message_failed")] = "Connection Closed"
    error_ack: Annotated[Chance, says("Chance of a message_error for a written message")] = 0.0
    error_code: Annotated[int, says("The code of that error ack")] = 420
    error_message: Annotated[Short, says("The text of that error ack")] = (
        "Rate limit / community parent rejection"
    )
    error_delay_ms: Annotated[Milliseconds, says("Gap between message_sent and its message_error")] = 20
    error_first: Annotated[Chance, says("Chance that the error ack comes before its message_sent")] = 0.0
    community_parent: Annotated[bool, says("Marked group: written, then refused with 420")] = False
    restricted: Annotated[bool, says("Restricted account: written, then refused with 463")] = False

    callback_min_ms: Annotated[Milliseconds, says("Shortest delay of a callback after the write")] = 5
    callback_max_ms: Annotated[Milliseconds, says("Longest delay of a callback after the write")] = 25
    late: Annotated[Chance, says("Chance that a message's callbacks are late")] = 0.0
    late_ms: Annotated[Milliseconds, says("How much later a late callback comes")] = 5_000
    reorder: Annotated[
        Chance, says("Chance that a message's callbacks come in reverse and others overtake them")
    ] = 0.0
    reorder_ms: Annotated[Milliseconds, says("The longest extra wait of a reordered callback")] = 200
    duplicate: Annotated[Chance, says("Chance that each callback of a message is sent again")] = 0.0
    copies: Annotated[Copies, says("How often a doubled callback is sent in all")] = 2
    drop_callback: Annotated[Chance, says("Chance for each callback to get lost")] = 0.0
    wrong_key: Annotated[Chance, says("Chance that a message's callbacks carry a wrong key")] = 0.0
    hold: Annotated[Chance, says("Chance that a message's callbacks are held back for a burst")] = 0.0
    burst_size: Annotated[
        Count, says("Release the burst by itself once that many messages are held; 0: by a control call")
    ] = 0
    early: Annotated[Chance, says("Chance that the first callback goes out before /send is answered")] = 0.0
    silent: Annotated[
        bool, says("Messages are sent, but no callback of any kind comes; the status stays connected")
    ] = False

    delivered_readers: Annotated[Count, says("How many readers post a delivered receipt")] = 0
    read_readers: Annotated[Count, says("How many readers post a read receipt")] = 0
    readers: Annotated[tuple[str, ...], says("Who the readers are (digits); made up when empty")] = ()
    receipt_min_ms: Annotated[Milliseconds, says("Shortest delay of a receipt after message_sent")] = 10
    receipt_max_ms: Annotated[Milliseconds, says("Longest delay of a receipt after message_sent")] = 50
    receipt_sessions: Annotated[
        tuple[str, ...], says("Other sessions in the group, which post the same receipts")
    ] = ()
    empty_reader: Annotated[Chance, says("Chance that a receipt has an empty readerPhone")] = 0.0
    lid_reader: Annotated[Chance, says("Chance that a readerPhone holds LID digits")] = 0.0
    receipts_after_error: Annotated[bool, says("Receipts come for refused messages too")] = False
    reactors: Annotated[Count, says("How many readers react")] = 0
    emoji: Annotated[Short, says("The reaction")] = "👍"
    reaction_removed: Annotated[Chance, says("Chance that a reaction is taken back")] = 0.0

    timestamps: Annotated[
        TimestampStyle, says("native: each hook as the VPS does; or ms, s, iso, none in all of them")
    ] = "native"
    echo_client_ref: Annotated[bool, says("Callbacks echo our clientRef")] = True
    honour_message_id: Annotated[bool, says("Uses the messageId that we reserve")] = True
    honour_idempotency_key: Annotated[
        bool, says("The same Idempotency-Key gets the same answer, nothing is sent again")
    ] = True
    message_status: Annotated[bool, says("Has POST /message-status; off: 404")] = True

    unknown_sessions: Annotated[
        Literal["connected", "missing"], says("What a session id is that nobody has set up")
    ] = "connected"
    missing_status: Annotated[
        Literal["404", "disconnected"], says("What GET /status says of a missing session")
    ] = "404"
    new_session_id: Annotated[bool, says("A session that connects again gets a new id")] = False

    groups_wrapped: Annotated[bool, says('{"groups":[…]}; off: a bare array')] = True
    groups_id: Annotated[IdField, says("The field with the group's JID; mixed: each in turn")] = "id"
    groups_name: Annotated[NameField, says("The field with the group's name")] = "name"
    groups_participants: Annotated[
        ParticipantsField, says("participants as a number or an array, or the field that holds the number")
    ] = "number"


CHANCES = tuple(
    name
    for name, hint in get_type_hints(Knobs, include_extras=True).items()
    if get_args(hint)[:1] == (float,)
)
"""The names of all chances: what `only_first` switches off."""


def calmed(knobs: Knobs) -> Knobs:
    """Return the knobs with every chance at 0: how a recipient behaves once it has misbehaved enough."""
    return msgspec.structs.replace(knobs, **dict.fromkeys(CHANCES, 0.0))
