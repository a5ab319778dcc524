"""`/api/whatsapp/metrics`: how much waits, how much went through lately."""

from collections.abc import Callable

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.api import queries
from dispatcher.api.desk import TenantRequest

WINDOW_MS = 300_000
CACHE_MS = 10_000
"""The answer may be so old."""


class Metrics(msgspec.Struct, frozen=True):
    """`pending_count`: recipients not settled yet; the counts of the last five minutes; unfinished campaigns."""

    pending_count: int
    sent_last_5m: int
    failed_last_5m: int
    active_broadcasts: int


def metrics_route(engine: AsyncEngine, now_ms: Callable[[], int]) -> HTTPRouteHandler:
    """Return the route; what it tells is kept for ten seconds per tenant."""
    kept: dict[str, tuple[int, Metrics]] = {}

    @get("/api/whatsapp/metrics", summary="Show how much waits and how much went through", tags=["metrics"])
    async def show_metrics(request: TenantRequest) -> Metrics:
        now, tenant = now_ms(), request.user
        if tenant in kept and now - kept[tenant][0] < CACHE_MS:
            return kept[tenant][1]
        async with engine.connect() as connection:
            found = Metrics(*await queries.metrics(connection, tenant, now - WINDOW_MS))
        kept[tenant] = now, found
        return found

    return show_metrics
