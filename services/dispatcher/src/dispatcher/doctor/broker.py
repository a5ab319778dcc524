"""NATS: reachable, new enough, flushes before it acknowledges, and its streams keep what they are given."""

from urllib.parse import urlsplit

import aiohttp
import nats
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamInfo
from nats.js.errors import NotFoundError

from contracts import streams
from contracts.streams import Durable, NatsStream
from dispatcher.composition.durability import flushes
from dispatcher.doctor.finding import Finding, ok, warning, wrong
from dispatcher.settings import Settings

OLDEST = (2, 12)
MONITOR_PORT = 8222
"""Where a NATS server shows its state unless told otherwise."""
NEARLY_FULL = 0.8
CONNECT_SECONDS = 3


async def examine(settings: Settings, http: aiohttp.ClientSession) -> list[Finding]:
    """Look at NATS."""
    try:
        client = await nats.connect(
            settings.nats_url, allow_reconnect=False, connect_timeout=CONNECT_SECONDS, error_cb=_say_nothing
        )
    except (OSError, Error) as error:
        seen = f"cannot be reached ({str(error) or type(error).__name__})"
        return [wrong("nats", seen, "check NATS_URL, and that the server runs")]
    try:
        return [
            _version(client),
            await _sync(settings, http),
            *[await _stream(client.jetstream(), stream) for stream in streams.STREAMS],
            *[await _durable(client.jetstream(), durable) for durable in streams.DURABLES],
        ]
    except Error as error:
        return [wrong("nats", f"JetStream does not answer ({error})", "switch JetStream on for this account")]
    finally:
        await client.close()


async def _say_nothing(_: Exception) -> None:
    """Errors are told by what is found."""


def _version(client: Client) -> Finding:
    version = client.connected_server_version
    seen = f"NATS {version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) >= OLDEST:
        return ok("nats", seen)
    return wrong("nats", seen, "use 2.12 or newer: older ones cannot store a batch as a whole")


async def _sync(settings: Settings, http: aiohttp.ClientSession) -> Finding:
    """Ask the server's monitoring page whether an acknowledged message is on the disk."""
    url = settings.nats_monitor_url or _guessed(settings.nats_url)
    found = await flushes(http, url)
    if found is None:
        advice = "set NATS_MONITOR_URL to the server's monitoring address, and look again"
        return warning("nats", f"{url} does not tell whether it flushes before it acknowledges", advice)
    if found:
        return ok("nats", "flushes each message before it acknowledges it")
    advice = "set `sync_interval: always` in its `jetstream` block: a power cut loses acknowledged messages"
    return wrong("nats", "acknowledges before it flushes", advice)


def _guessed(nats_url: str) -> str:
    first = nats_url.split(",", maxsplit=1)[0]
    return f"http://{urlsplit(first).hostname or '127.0.0.1'}:{MONITOR_PORT}"


async def _stream(jetstream: JetStreamContext, stream: NatsStream) -> Finding:
    part = f"nats {stream.name}"
    try:
        found = await jetstream.stream_info(stream.name)
    except NotFoundError:
        return warning(part, "is not there", "`dispatcher run` makes it when it starts")
    unsafe = faults(stream, found)
    if unsafe:
        return wrong(part, ", ".join(unsafe), "delete it when it is empty; `dispatcher run` makes it anew")
    share = found.state.bytes / stream.max_bytes
    seen = f"{found.state.messages} messages, {share:.0%} full"
    if share < NEARLY_FULL:
        return ok(part, seen)
    return warning(part, seen, "a full stream refuses new messages: do its consumers run?")


def faults(stream: NatsStream, found: StreamInfo) -> list[str]:
    """Return why a NATS stream would lose messages."""
    config = found.config
    checks = {
        "it is kept in memory": config.storage == StorageType.FILE,
        f"its retention is not {stream.retention}": config.retention == RetentionPolicy(stream.retention),
        "it throws old messages away when it is full": config.discard == DiscardPolicy.NEW,
        f"it does not hold {stream.subject}": stream.subject in (config.subjects or []),
    }
    return [fault for fault, well in checks.items() if not well]


async def _durable(jetstream: JetStreamContext, durable: Durable) -> Finding:
    part = f"nats {durable.name}"
    try:
        found = await jetstream.consumer_info(durable.stream, durable.name)
    except NotFoundError:
        return warning(part, "is not there", "`dispatcher run` makes it when it starts")
    return ok(
        part, f"{found.num_pending or 0} messages wait, {found.num_ack_pending or 0} are being worked on"
    )
