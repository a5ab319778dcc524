"""Bodies of the control API: what it reads and what it answers, for `control` and `client` alike."""

from typing import Annotated

import msgspec

from local_stack.simulator.knobs import Knobs
from local_stack.simulator.settings import HeaderText

HookName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_./-]+$")]


class KnobsReport(msgspec.Struct, frozen=True, kw_only=True):
    """All knobs that are turned: the defaults in full, of sessions and recipients only what differs."""

    defaults: Knobs
    sessions: dict[str, dict[str, msgspec.Raw]]
    recipients: dict[str, dict[str, msgspec.Raw]]


class RecipientKnobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same knobs for many recipients (JIDs or numbers)."""

    recipients: list[str]
    knobs: msgspec.Raw


class StateChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session's new state: any word. `tell` sends the session-status callback when it is a change."""

    status: str
    phone_number: str | None = None
    tell: bool = True


class ArbitraryCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A callback to send now: JSON as `body`, or any text as `raw`. `key` None: the right one."""

    hook: HookName
    body: msgspec.Raw = msgspec.Raw()
    raw: str | None = None
    key: HeaderText | None = None
    content_type: HeaderText = "application/json"


class GatewayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateway answered an arbitrary callback: a status or `no_connection`, and its body as text."""

    answer: str
    body: str


class RestartWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a restart loses the callbacks that wait."""

    drop_callbacks: bool = True


class RequestsReport(msgspec.Struct, frozen=True, kw_only=True):
    """How often `/send` was answered in which way, and how often the other calls came."""

    send: dict[str, int]
    calls: dict[str, int]


class IdleReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all is quiet: nothing to write, nothing to tell. What is held for a burst does not count."""

    idle: bool
    queued_callbacks: int
    unwritten_messages: int
    held_callbacks: int


class SessionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the control API shows it."""

    session_id: str
    status: str
    phone_number: str | None


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """How many callbacks a restart dropped."""

    dropped_callbacks: int


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """How many callbacks a burst was made of."""

    released_callbacks: int
