"""Health: is this process alive, can it take callbacks, and what has it counted? Asked without a key."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from contracts.streams import DELIVERIES
from webhook_gateway.broker import Broker, BrokerAwayError
from webhook_gateway.problems import Problem, problem

PROBE_SECONDS = 1.0


Status = Literal["ready", "not ready", "stopping"]


class Health(msgspec.Struct, frozen=True):
    """The answer of a service that is well."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether callbacks can be kept now, and where: `spool` is how many wait on the disk for the broker,
    `refused` how many it refuses for good.
    """

    status: Status
    broker: Literal["connected", "away"]
    spool: int
    refused: int = 0


Ready = Callable[[], Awaitable[Readiness]]


class _StreamAnswer(msgspec.Struct):
    config: dict[str, msgspec.Raw] = {}


class StreamProbe:
    """Whether the stream of delivery reports answers. Asked at most once a second, however many ask."""

    def __init__(self, broker: Broker, monotonic: Callable[[], float]) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._asked_at = -PROBE_SECONDS
        self._answered = False

    async def answers(self) -> bool:
        """Return whether a callback could be stored in the stream now."""
        if not self._broker.connected:
            return False
        async with self._lock:
            if self._monotonic() - self._asked_at >= PROBE_SECONDS:
                self._answered = await self._ask()
                self._asked_at = self._monotonic()
        return self._answered

    async def _ask(self) -> bool:
        subject = f"$JS.API.STREAM.INFO.{DELIVERIES.name}"
        try:
            answer = await self._broker.request(subject, b"", {}, seconds=PROBE_SECONDS)
            return bool(msgspec.json.decode(answer, type=_StreamAnswer).config)
        except (BrokerAwayError, TimeoutError, msgspec.DecodeError):
            return False


def health_routes(
    alive: Callable[[], bool], ready: Ready, figures: Callable[[], str]
) -> list[HTTPRouteHandler]:
    """Return `/health/live`, `/health/ready` and `/metrics`."""

    @get("/health/live", summary="Is the process alive?", tags=["health"])
    async def show_live() -> Response[Health] | Response[Problem]:
        return Response(Health("live")) if alive() else problem(503)

    @get("/health/ready", summary="Can callbacks be stored?", tags=["health"])
    async def show_ready() -> Response[Readiness]:
        found = await ready()
        if found.status == "ready":
            return Response(found)
        return Response(found, status_code=503, headers={"Retry-After": "1"})

    @get(
        "/metrics", summary="Figures for Prometheus", tags=["health"], media_type="text/plain; version=0.0.4"
    )
    async def show_metrics() -> str:
        return figures()

    return [show_live, show_ready, show_metrics]
