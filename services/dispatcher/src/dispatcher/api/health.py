"""`/health/live` and `/health/ready`: is the process alive, and can it do its work?"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong; None when nothing is."""


class HealthView(msgspec.Struct, frozen=True):
    """The state of each part: `ok`, or what is wrong."""

    status: str
    checks: dict[str, str]


def health_routes(alive: Mapping[str, Check], ready: Mapping[str, Check]) -> list[HTTPRouteHandler]:
    """Return the two routes; each runs its checks when asked."""

    @get("/health/live", summary="Is the process alive?", tags=["health"], opt={"exclude_from_auth": True})
    async def live() -> Response[HealthView]:
        return await _answer(alive)

    @get("/health/ready", summary="Can it do its work?", tags=["health"], opt={"exclude_from_auth": True})
    async def readiness() -> Response[HealthView]:
        return await _answer(ready)

    return [live, readiness]


async def _answer(checks: Mapping[str, Check]) -> Response[HealthView]:
    found = {name: await check() for name, check in checks.items()}
    well = not any(found.values())
    view = HealthView("ok" if well else "failing", {name: wrong or "ok" for name, wrong in found.items()})
    return Response(view, status_code=200 if well else 503)
