"""Dead messages in: what nobody could apply is mirrored in a table, whole, so that it can be listed and sent again."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.dead import CallbackQuarantined, DeadMessage, MessageParked
from dispatcher.quarantine.kept import Kept, Kind, keep
from dispatcher.translate import to_ms

decode: Callable[[bytes], DeadMessage] = msgspec.json.Decoder(DeadMessage).decode
"""Returns the dead message in a NATS message."""


class Quarantine(msgspec.Struct, frozen=True):
    """Keeps dead messages; the same one once."""

    engine: AsyncEngine

    async def handle(self, messages: Sequence[DeadMessage]) -> None:
        """Keep a batch; return when it is committed."""
        async with self.engine.begin() as connection:
            await keep(connection, [_kept(message) for message in messages])


def _kept(message: DeadMessage) -> Kept:
    return Kept(
        message.id,
        message.tenant,
        Kind(message.kind),
        _source(message),
        message.reason,
        _body(message),
        to_ms(message.time),
        message.causation,
    )


def _source(message: DeadMessage) -> str:
    """Return where it came in: a hook of the gateway, or a NATS subject."""
    match message:
        case CallbackQuarantined(hook=hook):
            return hook
        case MessageParked(subject=subject):
            return subject


def _body(message: DeadMessage) -> bytes | None:
    """Return what it holds whole; an empty callback is one, an empty NATS message says that it was too large."""
    left_out = isinstance(message, MessageParked) and not message.body
    return None if left_out else _raw(message.body)


def _raw(body: str) -> bytes:
    """Return a body; one that is not base64 as it is."""
    try:
        return b64decode(body, validate=True)
    except NoBase64:
        return body.encode()
