"""NATS as a test sees it: publish anything, read what was published, wait until the consumers are through."""

from collections.abc import Mapping

import msgspec
import nats
from nats.aio.client import Client

from contracts.dead import DeadMessage
from contracts.events import Event
from contracts.streams import DEAD, DISPATCHER_COMMANDS, DISPATCHER_DELIVERIES, EVENTS, Durable
from contracts.subjects import token_of_session
from local_stack.nats_reading import read_all
from support.eventually import eventually


class Bus:
    """One connection to the system's NATS."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream = client.jetstream()

    @classmethod
    async def connect(cls, url: str) -> "Bus":
        return cls(await nats.connect(url))

    async def close(self) -> None:
        await self.client.close()

    async def publish(self, subject: str, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Publish and wait until the NATS stream has it."""
        await self.jetstream.publish(subject, content, headers=dict(headers or {}))

    async def events(self, broadcast_id: str) -> list[Event]:
        """All published events of a campaign, in the order of the NATS stream."""
        bodies = await self.read(EVENTS.name, f"wa.event.*.*.{broadcast_id}")
        return [msgspec.json.decode(body, type=Event) for _, body in bodies]

    async def session_events(self, session_id: str) -> list[Event]:
        """All published events of a session and its groups, in the order of the NATS stream."""
        bodies = await self.read(EVENTS.name, f"wa.event.*.*.{token_of_session(session_id)}")
        return [msgspec.json.decode(body, type=Event) for _, body in bodies]

    async def dead(self) -> list[DeadMessage]:
        """All dead messages."""
        return [msgspec.json.decode(body, type=DeadMessage) for _, body in await self.read(DEAD.name, ">")]

    async def read(self, stream: str, subject: str) -> list[tuple[str, bytes]]:
        """Return subject and body of all messages that a NATS stream holds on a subject."""
        return [(message.subject, message.data) for message in await read_all(self.client, stream, subject)]

    async def until_consumed(self, within_s: float = 45) -> None:
        """Wait until the dispatcher has acknowledged all that lies in the NATS streams that it consumes."""

        async def consumed() -> bool:
            waiting = [
                await self._waiting(durable) for durable in (DISPATCHER_DELIVERIES, DISPATCHER_COMMANDS)
            ]
            assert not any(waiting), waiting
            return True

        await eventually(consumed, within_s)

    async def _waiting(self, durable: Durable) -> int:
        """How far the acknowledgements are behind. By sequence: the server counts `num_pending` a little later."""
        last = (await self.jetstream.stream_info(durable.stream)).state.last_seq
        floor = (await self.jetstream.consumer_info(durable.stream, durable.name)).ack_floor
        return last - (floor.stream_seq if floor else 0)
