"""The app: puts the parts together. Everything that it needs is handed in; nothing is connected here."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from litestar import Litestar

from webhook_gateway import problems
from webhook_gateway.auth import Caller
from webhook_gateway.bodies import BodyReader
from webhook_gateway.callbacks import HOOKS
from webhook_gateway.counters import Counters, Gauge, exposition
from webhook_gateway.health import Ready, health_routes
from webhook_gateway.intake import Intake, Publish
from webhook_gateway.keycheck import KeyCheck
from webhook_gateway.openapi import add_bodies, openapi_config
from webhook_gateway.rate import RateLimit
from webhook_gateway.routes import hooks_router
from webhook_gateway.settings import Settings
from webhook_gateway.signatures import Signatures


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the app meets the world with: where messages go, who may come, the clocks, the state of the rest.

    `now` is UTC; `monotonic` is seconds.
    """

    publish: Publish
    quarantine: Publish
    callers: Sequence[Caller]
    signatures: Signatures
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    alive: Callable[[], bool]
    ready: Ready
    gauges: Callable[[], Sequence[Gauge]]
    counters: Counters
    version: str


def build_app(settings: Settings, around: Surroundings) -> Litestar:
    """Return the ASGI app: six webhooks, health, metrics, and its own description at `/schema`."""
    intake = Intake(around.publish, around.quarantine, around.counters)
    limit = RateLimit(settings.rate_limit_per_s)
    keys = KeyCheck(around.callers, limit, around.counters, around.monotonic, around.now)
    reader = BodyReader(around.signatures, settings.body_timeout_s, around.counters)
    app = Litestar(
        route_handlers=[
            hooks_router(intake, keys, reader, around.now, settings.max_body_bytes),
            *health_routes(around.alive, around.ready, lambda: exposition(around.counters, around.gauges())),
        ],
        exception_handlers=problems.EXCEPTION_HANDLERS,
        openapi_config=openapi_config(around.version),
        logging_config=None,
    )
    add_bodies(app.openapi_schema, [hook.body.type for hook in HOOKS])
    return app
