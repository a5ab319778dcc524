"""The API as one ASGI app, and the server that it runs on."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from dispatcher.api import problems
from dispatcher.api.attention import Attention
from dispatcher.api.auth import Door, authentication
from dispatcher.api.bodies import Bodies, JsonRequest
from dispatcher.api.campaigns import Campaigns
from dispatcher.api.creation_docs import add_bodies
from dispatcher.api.dead_letters import DeadLetters
from dispatcher.api.desk import Desk
from dispatcher.api.groups import list_groups
from dispatcher.api.history import show_history
from dispatcher.api.key_desk import KeyDesk
from dispatcher.api.keys import ApiKeys
from dispatcher.api.metrics import metrics_route
from dispatcher.api.quarantine import Quarantined
from dispatcher.api.query_names import refuse_unknown
from dispatcher.api.session_desk import SessionDesk
from dispatcher.api.session_moves import move_session
from dispatcher.api.sessions import Sessions
from dispatcher.api.steering import Steering
from dispatcher.api.why import tell_why

MAX_BODY_BYTES = 1 << 20
"""Of any request but one that creates a campaign; 1,000 recipients named one by one take 40 KB."""
MAX_HEADER_BYTES = 128 << 10
"""Of the line of a request and its headers, of which an address may take half."""


def build_api(
    desk: Desk,
    session_desk: SessionDesk,
    key_desk: KeyDesk,
    door: Door,
    max_body_bytes: int,
    body_seconds: float,
    own_routes: Sequence[HTTPRouteHandler],
) -> Litestar:
    """Return the app; its OpenAPI document is at `/schema/openapi.json`. `max_body_bytes` holds for a creation; a
    body may take `body_seconds`, a large one longer; `own_routes` tell of this process.
    """
    app = Litestar(
        route_handlers=[
            Router("/", route_handlers=[Campaigns], request_max_body_size=max_body_bytes),
            Steering,
            tell_why,
            Attention,
            DeadLetters,
            Quarantined,
            Sessions,
            move_session,
            list_groups,
            show_history,
            ApiKeys,
            metrics_route(desk.engine, desk.now_ms),
            *own_routes,
        ],
        dependencies={
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "session_desk": Provide(lambda: session_desk, sync_to_thread=False),
            "key_desk": Provide(lambda: key_desk, sync_to_thread=False),
        },
        before_request=refuse_unknown,
        middleware=[DefineMiddleware(authentication(door), exclude="^/schema"), Bodies(body_seconds)],
        exception_handlers=problems.HANDLERS,
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=OpenAPIConfig(
            title="WhatsApp dispatcher",
            version=version("dispatcher"),
            description="Create campaigns and see what became of every message.",
            components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"key": []}],
        ),
        logging_config=None,
    )
    add_bodies(app.openapi_schema)
    return app


async def serve(
    app: Litestar, host: str, port: int, header_timeout_s: float, stopping: asyncio.Event
) -> None:
    """Serve until told to stop."""
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(header_timeout_s * 1000), max_buffer_size=MAX_HEADER_BYTES
        ),
        log_level=LogLevels.warning,
    )
    stop = asyncio.create_task(_stop(server, stopping))
    try:
        await server.serve()
    finally:
        stop.cancel()


async def _stop(server: Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.stop()  # type: ignore[no-untyped-call]  # Granian has no types here
