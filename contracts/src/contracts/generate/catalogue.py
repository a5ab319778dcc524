"""Which messages there are: the four kinds, each with its messages, its subject and its NATS stream."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import get_args

import msgspec

from contracts import commands, dead, delivery, events, streams, subjects
from contracts.envelope import Message, type_of
from contracts.session_events import GroupEvent, SessionEvent
from contracts.streams import NatsStream

BROADCAST = "{broadcast_id}"
SESSION = "{session_id}"
"""The parameters of subjects, as AsyncAPI writes them; no subject has both."""


class Kind(msgspec.Struct, frozen=True):
    """Messages of one kind: the folder of their schemas, who says them, and where they travel."""

    folder: str
    word: str
    title: str
    module: ModuleType
    types: tuple[type[Message], ...]
    stream: NatsStream
    subject_of: Callable[[type[Message]], str]

    @property
    def description(self) -> str:
        """The docstring of the module that holds them."""
        return inspect.cleandoc(self.module.__doc__ or "")


def _members(union: object) -> tuple[type[Message], ...]:
    """Return the messages of a union; a union of one is that message itself."""
    members: tuple[type[Message], ...] = get_args(union) or (union,)
    return members


def _subject_of_event(event: type[Message]) -> str:
    of_session = issubclass(event, SessionEvent | GroupEvent)
    return subjects.of_event(event, SESSION if of_session else BROADCAST)


KINDS = (
    Kind(
        folder="commands",
        word="command",
        title="Command",
        module=commands,
        types=_members(commands.Command),
        stream=streams.COMMANDS,
        subject_of=subjects.of_command,
    ),
    Kind(
        folder="delivery",
        word="delivery",
        title="Delivery report",
        module=delivery,
        types=_members(delivery.Report),
        stream=streams.DELIVERIES,
        subject_of=subjects.of_delivery,
    ),
    Kind(
        folder="events",
        word="event",
        title="Published event",
        module=events,
        types=_members(events.Event),
        stream=streams.EVENTS,
        subject_of=_subject_of_event,
    ),
    Kind(
        folder="dead",
        word="dead",
        title="Dead message",
        module=dead,
        types=_members(dead.DeadMessage),
        stream=streams.DEAD,
        subject_of=subjects.of_dead,
    ),
)


def kind_of(message: type[Message]) -> Kind:
    """Return the kind that a message belongs to."""
    return next(kind for kind in KINDS if message in kind.types)


def name_of(kind: Kind, message: type[Message]) -> str:
    """Return what a message is called in documents, as `event.recipient.sent`: no other kind has that name."""
    return f"{kind.word}.{type_of(message)}"


def schema_path(kind: Kind, message: type[Message]) -> str:
    """Return where a message's schema lies, relative to `contracts/`."""
    return f"schema/{kind.folder}/{type_of(message)}.json"
