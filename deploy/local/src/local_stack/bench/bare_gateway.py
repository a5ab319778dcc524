"""The gateway without publishing, as a program: the same app on the same server, but every message counts as
stored at once. What is left is the cost of HTTP, of the checks and of the translation.
"""

import asyncio
import logging.config
import os
import signal
from datetime import UTC, datetime
from time import monotonic

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from webhook_gateway.app import Surroundings, build_app
from webhook_gateway.auth import read_callers
from webhook_gateway.batches import Outcome, Outgoing
from webhook_gateway.counters import Counters
from webhook_gateway.health import Readiness
from webhook_gateway.logs import logging_config
from webhook_gateway.server import BACKLOG
from webhook_gateway.settings import Settings, read_file, read_settings
from webhook_gateway.signatures import read_signatures


async def publish_nothing(_message: Outgoing) -> Outcome:
    """Say at once that a message is stored."""
    return "accepted"


async def be_ready() -> Readiness:
    """Be ready whenever asked: there is nothing to wait for."""
    return Readiness("ready", "connected", 0)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM, with the options of the gateway's own server."""
    around = Surroundings(
        publish=publish_nothing,
        quarantine=publish_nothing,
        callers=read_callers(settings.webhook_api_keys),
        signatures=read_signatures("", "", settings.signature_tolerance_s),
        now=lambda: datetime.now(UTC),
        monotonic=monotonic,
        alive=lambda: True,
        ready=be_ready,
        gauges=lambda: (),
        counters=Counters(),
        version="bare",
    )
    server = Server(
        build_app(settings, around),
        address=settings.gateway_host,
        port=settings.gateway_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        log_level=LogLevels.error,
        log_dictconfig=logging_config(settings.log_level),
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


def main() -> None:
    """Run the program."""
    settings = read_settings(os.environ, read_file)
    logging.config.dictConfig(logging_config(settings.log_level))
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
