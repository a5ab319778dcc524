"""What everybody remembers at the end, as `check` compares it. Pure; `witnesses` collects it."""

from collections.abc import Sequence

import msgspec

from local_stack.simulator.keeping import Denied
from local_stack.simulator.ledger import Entry


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a callback said, as far as it tells where it must have gone. Reaction and receipt name their reader."""

    event: str = ""
    session_id: str = ""
    group_jid: str = ""
    message_id: str | None = None
    client_ref: str | None = None
    reader_phone: str = ""
    reactor_phone: str = ""


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that the gateway answered: `id` is the id in its answer, where it took it."""

    hook: str
    answer: str
    body: Body
    id: str | None = None
    wrong_key: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a stored event, as far as we read it."""

    attempt: int = 0
    attempt_id: str = ""
    message_id: str = ""
    kind: str = ""
    reader: str = ""
    reactor: str = ""
    source: str = ""
    sent_at_ms: int | None = None
    at_ms: int = 0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the store."""

    position: int
    id: str
    stream: str
    type: str
    causation: str | None
    facts: Facts

    @property
    def campaign_id(self) -> str:
        """The campaign that it is about; empty for one of a session."""
        kind, _, rest = self.stream.partition("-")
        return rest.partition("+")[0] if kind in ("campaign", "recipient") else ""

    @property
    def recipient(self) -> str:
        """The recipient that it is about, as a JID."""
        return self.stream.partition("+")[2]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An event on the NATS stream, in the stream's order: about a campaign, or about a session and its groups."""

    id: str
    position: int
    broadcast_id: str = ""
    session_id: str = ""

    @property
    def about(self) -> str:
        """The campaign or the session among whose events it keeps its place."""
        return self.broadcast_id or self.session_id


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient as the API shows it."""

    campaign_id: str
    session_id: str
    recipient: str
    status: str
    message_id: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `planned`: session and JID of each message that was asked for; `lives_ms`: when the VPS was started;
    `denied`: when it said that it knows of no message to somebody;
    `publishable`: the types of events that are published; `recorded`: the ids of all events, read after the published
    ones, since sessions have events of their own even at rest.
    """

    planned: Sequence[tuple[str, str]]
    shown: Sequence[Shown]
    ledger: Sequence[Entry]
    lives_ms: Sequence[int]
    denied: Sequence[Denied]
    callbacks: Sequence[Callback]
    stored: Sequence[Stored]
    parked: frozenset[str]
    published: Sequence[Published]
    publishable: frozenset[str]
    recorded: frozenset[str] = frozenset()
