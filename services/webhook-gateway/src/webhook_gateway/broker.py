"""The broker: the one connection to NATS, kept up for ever. The service starts without it."""

import asyncio
import logging
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client

from contracts.streams import GATEWAY_INBOX

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2
RECONNECT_SECONDS = 0.25
"""The gap between two tries; the library's own 2 s would be felt as an outage of its own."""
PING_SECONDS = 5
"""A silent connection is given up after two unanswered pings."""
HEADER_BYTES = 512
"""Room for the headers of a message, which count as payload: ids of a batch and of a message, and their names."""

GONE = (nats.errors.Error, OSError, RuntimeError)
"""What the client raises when a connection goes while it is used; RuntimeError is uvloop's, of a closed transport."""


class BrokerAwayError(Exception):
    """There is no connection to NATS now."""


class Broker:
    """A NATS connection that comes and goes; while it is gone, its methods raise BrokerAwayError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = Client()
        self._connected = asyncio.Event()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._faults: set[str] = set()
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether NATS can be spoken to now."""
        return self._client.is_connected and not self._lost.done()

    def takes(self, payload: bytes) -> bool:
        """Whether the server lets a payload pass; else it would close the connection, with all that is on its way."""
        return len(payload) + HEADER_BYTES <= self._client.max_payload

    async def until_connected(self) -> None:
        """Return once NATS can be spoken to."""
        while not self.connected:
            self._connected.clear()
            await self._connected.wait()

    async def run(self) -> None:
        """Keep connected until cancelled. The client gives up on some errors: then a new one."""
        while True:
            closed = asyncio.Event()
            await self._connect(closed)
            await closed.wait()
            log.error("the NATS client gave up; connecting anew")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        """Hand a message to the connection; it says nothing about the message being stored."""
        try:
            await self._client.publish(subject, payload, headers=headers)
        except GONE as fault:
            raise BrokerAwayError from fault

    async def request(self, subject: str, payload: bytes, headers: dict[str, str], seconds: float) -> bytes:
        """Publish and return the answer. Raises TimeoutError after `seconds`, and `BrokerAwayError` as soon as
        the connection is lost: whoever waits for the answer could wait long.
        """
        if not self.connected:
            raise BrokerAwayError
        asking = asyncio.ensure_future(
            self._client.request(subject, payload, timeout=seconds, headers=headers)
        )
        try:
            await asyncio.wait((asking, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise BrokerAwayError
            return asking.result().data
        except TimeoutError:  # nats-py's own, too; as an OSError it would count as a lost connection
            raise TimeoutError from None
        except GONE as fault:
            raise BrokerAwayError from fault
        finally:
            asking.cancel()

    async def close(self) -> None:
        """Close the connection. Nothing that must be kept waits in it: what is stored was acknowledged."""
        self._closing = True
        await self._client.close()

    async def _connect(self, closed: asyncio.Event) -> None:
        async def on_closed() -> None:
            closed.set()

        self._client = Client()
        await self._client.connect(
            self._url,
            name="webhook-gateway",
            inbox_prefix=GATEWAY_INBOX,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            connect_timeout=CONNECT_SECONDS,
            reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]
            ping_interval=PING_SECONDS,
            pending_size=0,  # nothing is kept for a broker that is away: a sender was told 503
            skip_subject_validation=True,  # the subjects are ours
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_connected,
            closed_cb=on_closed,
        )
        await self._on_connected()

    async def _on_error(self, fault: Exception) -> None:
        """Log what the server or the network said; a denied permission shows itself nowhere else."""
        text = str(fault) or type(fault).__name__
        if text not in self._faults:  # a broker that is away says the same at every try
            log.warning("NATS: %s", text)
        self._faults.add(text)

    async def _on_disconnected(self) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
        if not self._closing:
            log.warning("NATS connection lost")

    async def _on_connected(self) -> None:
        self._faults.clear()
        self._lost = asyncio.get_running_loop().create_future()
        self._connected.set()
        log.info("connected to NATS", extra={"address": _address(self._url)})


def _address(url: str) -> str:
    """Return host and port of a URL, without the credentials that it may hold."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 4222}"
