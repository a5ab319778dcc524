"""The server: one process, one event loop. Starts the parts in order, and stops them in the reverse order."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from webhook_gateway.app import Surroundings, build_app
from webhook_gateway.auth import Caller
from webhook_gateway.broker import Broker
from webhook_gateway.counters import Counters
from webhook_gateway.health import Readiness, Status, StreamProbe
from webhook_gateway.logs import logging_config
from webhook_gateway.outlets import MIB, Outlets, now_ms
from webhook_gateway.settings import Settings, SettingsError
from webhook_gateway.signatures import Signatures
from webhook_gateway.spool_file import SpoolError, SpoolFile, open_spool
from webhook_gateway.stopping import Stopping

log = logging.getLogger(__name__)

BACKLOG = 1024


async def serve(settings: Settings, callers: Sequence[Caller], signatures: Signatures) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is on its way, and close the connection to NATS."""
    address = await _free_address(settings.gateway_host, settings.gateway_port)
    file = _open_spool(settings)
    broker = Broker(settings.nats_url)
    outlets = Outlets(settings, broker, file)
    keeper = asyncio.create_task(broker.run(), name="broker")
    probe, stopping = StreamProbe(broker, monotonic), Stopping(settings.drain_s)
    around = Surroundings(
        publish=outlets.deliveries.publish,
        quarantine=outlets.quarantine.publish,
        callers=callers,
        signatures=signatures,
        now=lambda: datetime.now(UTC),
        monotonic=monotonic,
        alive=lambda: not keeper.done() and outlets.alive,
        ready=lambda: _readiness(probe, outlets, stopping),
        gauges=outlets.gauges,
        counters=Counters(),
        version=version("webhook-gateway"),
    )
    await _serve_http(build_app(settings, around), address, settings, stopping)
    await stopping.finish("storing", outlets.finish())
    await outlets.close()
    keeper.cancel()
    await broker.close()
    log.info("stopped")


def _open_spool(settings: Settings) -> SpoolFile | None:
    """Open the spool, before anything is taken. Raises `SettingsError` where it cannot be written."""
    if settings.spool_file is None:
        return None
    try:
        return open_spool(settings.spool_file, settings.spool_max_mb * MIB, now_ms)
    except SpoolError as fault:
        raise SettingsError(f"SPOOL_PATH: {fault}") from fault


async def _readiness(probe: StreamProbe, outlets: Outlets, stopping: Stopping) -> Readiness:
    """Ready is who can keep a callback: in the stream, or on the disk until the broker is back."""
    answers = await probe.answers()
    can_keep: Status = "ready" if answers or outlets.can_hold else "not ready"
    return Readiness(
        status="stopping" if stopping.asked else can_keep,
        broker="connected" if answers else "away",
        spool=outlets.held,
        refused=outlets.refused,
    )


async def _serve_http(app: Litestar, address: str, settings: Settings, stopping: Stopping) -> None:
    server = Server(
        app,
        address=address,
        port=settings.gateway_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(settings.header_timeout_s * 1000),
            max_buffer_size=settings.max_header_bytes,
        ),
        log_level=LogLevels.error,
        log_dictconfig=logging_config(settings.log_level),
    )

    stopping.on_signals(server.stop)
    log.info("listening", extra={"address": f"{address}:{settings.gateway_port}"})
    await stopping.finish("answering", server.serve())
    if not server.interrupt_signal:
        raise RuntimeError("the HTTP server ended by itself")


async def _free_address(host: str, port: int) -> str:
    """Return the IP address of a host, once it is sure that we may listen there.

    Granian takes no names, and it shares a port that another process has (SO_REUSEPORT): two gateways on one
    port by mistake would each get a part of the callbacks.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, place = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as fault:
        raise SettingsError(f"GATEWAY_HOST, GATEWAY_PORT: cannot listen there: {fault.strerror}") from fault
    return str(place[0])
