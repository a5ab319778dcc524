"""`/metrics`, for Prometheus: open as the health routes are, since it tells of this process alone."""

from collections.abc import Callable

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's exposition format."""


def exposition_route(render: Callable[[], bytes]) -> HTTPRouteHandler:
    """Return the route."""

    @get(
        "/metrics",
        summary="Show how this process fares, for Prometheus",
        tags=["health"],
        opt={"exclude_from_auth": True},
        media_type=TEXT_FORMAT,
        sync_to_thread=False,
    )
    def expose() -> Response[bytes]:
        return Response(render(), media_type=TEXT_FORMAT)

    return expose
