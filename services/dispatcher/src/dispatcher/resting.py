"""Where something may rest, for how long, and who moves it on then: nothing waits for ever without anybody being told.

One table for the code and the README: the composition takes its limits from here.
"""

from typing import Literal

import msgspec

from dispatcher.settings import Settings

LISTED = "/api/attention"
"""Nobody but an operator can move it on: it is listed."""
SERVER = "NATS"
NOBODY = ""
"""It is kept for good."""

DAY_MS = 86_400_000


class Resting(msgspec.Struct, frozen=True):
    """A state, its limit (a setting's field in seconds or days, or words), what happens then, and the loop that sees to
    it: one of the composition's, or one of the above.
    """

    state: str
    limit: str
    action: str
    loop: str
    unit: Literal["setting", "words"] = "setting"

    def limit_ms(self, settings: Settings) -> int:
        """Return the limit in milliseconds."""
        value: float = getattr(settings, self.limit)
        return round(value * (DAY_MS if self.limit.endswith("_days") else 1000))


def _fixed(state: str, limit: str, action: str, loop: str) -> Resting:
    return Resting(state, limit, action, loop, "words")


UNFINISHED = Resting(
    "campaign `accepted`", "unfinished_s", "cut off while it was recorded: listed (`campaign`)", LISTED
)
LONG_PAUSED = Resting("campaign `paused`", "paused_days", "listed (`campaign`)", LISTED)
UNMATCHED = Resting(
    "parked report about a send",
    "unmatched_s",
    "listed (`unmatched_callback`), until claimed or dismissed",
    LISTED,
)
UNCLAIMED = Resting(
    "parked receipt, reaction or membership, or what the tenant of its session dismissed",
    "parked_keep_days",
    "forgotten",
    "forget",
)
QUARANTINED = Resting("line of the quarantine", "quarantine_keep_days", "forgotten", "forget")

TABLE = (
    Resting(
        "recipient `queued` and due",
        "sweep_s",
        "sent, in pace; while its session cannot, that is listed",
        "sender",
    ),
    Resting("recipient `processing`", "callback_deadline_s", "`unconfirmed`, and looked up", "expire_sends"),
    Resting("recipient `unconfirmed`, no usable answer", "ask_again_s", "looked up again", "expire_sends"),
    _fixed("recipient `unconfirmed` and held", "at once", "listed (`held`)", LISTED),
    Resting("campaign `scheduled` and due", "expiry_interval_s", "`queued`", "start_scheduled"),
    UNFINISHED,
    Resting("campaign `queued`, `running`", "sweep_s", "moves with its recipients", "sender"),
    LONG_PAUSED,
    Resting(
        "campaign cancelled, recipients `queued`",
        "expiry_interval_s",
        "cancelled, part by part",
        "cancel_queued",
    ),
    _fixed("order whose worker died", "120 s", "taken up by another", "carry_out_orders"),
    Resting(
        "order to verify, no usable answer",
        "verify_patience_s",
        "asked again every `ASK_AGAIN_S`; then given up",
        "carry_out_orders",
    ),
    _fixed("redrive of dead letters whose worker died", "120 s", "taken up by another", "redrive_dead"),
    Resting("redrive of the quarantine", "expiry_interval_s", "published", "redrive_quarantine"),
    Resting("lease of a session", "lease_s", "taken by another replica", "sender"),
    Resting("replica that is not heard of", "lease_s", "counted no more", "sender"),
    Resting("session that rests", "session_park_s", "asked, and let go on", "verify_sessions"),
    Resting(
        "session that was told to wait, after that", "verify_s", "asked, and let go on", "verify_sessions"
    ),
    Resting("session that says connected", "verify_s", "asked whether that is so", "verify_sessions"),
    Resting("session without callbacks", "silence_s", "`silent`: listed, and paused", "watch_silence"),
    Resting("event that is not published", "sweep_s", "published", "relay"),
    Resting("lead of the relay, nothing heard of it", "lease_s", "taken by another replica", "relay"),
    _fixed(
        "command not acknowledged",
        "30 s, 1,000 times",
        "delivered again; then quarantine",
        "dispatcher-commands",
    ),
    _fixed("delivery report not acknowledged", "30 s, 1,000 times", "the same", "dispatcher-deliveries"),
    _fixed("message that `DEAD` does not take", "1 h", "parked once it does", "dispatcher-commands"),
    _fixed(
        "command too large for quarantine",
        "30 days",
        "dropped from `COMMANDS`; until then its line says where it lies",
        SERVER,
    ),
    _fixed("advisory of a message given up", "at once", "its message is parked", "dispatcher-advisories"),
    _fixed("dead message not mirrored", "at once", "a line of the quarantine", "dispatcher-dead"),
    UNMATCHED,
    UNCLAIMED,
    QUARANTINED,
    _fixed("message in `DEAD`, `ADVISORIES`", "90 days", "dropped; the quarantine has it", SERVER),
    _fixed("uses of API keys in memory", "5 s", "written down; a line per key", "api_keys"),
    _fixed("dismissals, outcomes", "none", "they follow from the events, and stay", NOBODY),
)
"""Every state in which something rests."""
