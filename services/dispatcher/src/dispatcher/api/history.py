"""`/api/whatsapp/history`: how many messages went through, how many did not, and how long the VPS took to tell."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import Parameter

from dispatcher.api import queries
from dispatcher.api.desk import Desk, TenantRequest
from dispatcher.api.views import Items
from dispatcher.domain.outcome import Outcome
from dispatcher.translate import to_time

SPAN_MS = 300_000
HOUR_MS = 3_600_000

Hours = Annotated[int, Parameter(ge=1, le=168, description="so many hours back")]


class SpanView(msgspec.Struct, frozen=True):
    """What came of messages in five minutes. `sent` and `failed` count messages, each time that one became so;
    `retried` counts attempts that failed and are made again. Rates are parts of all that was settled. Response times
    are from the send to the answer or callback that settled it, in ms; none where the VPS told nothing.
    """

    begins_at: datetime
    ends_at: datetime
    sent: int
    failed: int
    retried: int
    success_rate: float | None
    failure_rate: float | None
    response_ms_average: int | None
    response_ms_slowest: int | None


@get("/api/whatsapp/history", summary="Show rates and response times per five minutes", tags=["metrics"])
async def show_history(request: TenantRequest, desk: Desk, hours: Hours = 24) -> Items:
    """Return the spans in which anything was settled, the newest first."""
    now_ms = desk.now_ms()
    since_ms = now_ms - hours * HOUR_MS
    async with desk.engine.connect() as connection:
        spans = await queries.history(connection, request.user, since_ms - since_ms % SPAN_MS, SPAN_MS)
    return Items([span_view(begins_ms, outcome) for begins_ms, outcome in spans])


def span_view(begins_ms: int, outcome: Outcome) -> SpanView:
    """Return a span as the API shows it."""
    settled = outcome.sent + outcome.failed
    return SpanView(
        begins_at=to_time(begins_ms),
        ends_at=to_time(begins_ms + SPAN_MS),
        sent=outcome.sent,
        failed=outcome.failed,
        retried=outcome.retried,
        success_rate=round(outcome.sent / settled, 4) if settled else None,
        failure_rate=round(outcome.failed / settled, 4) if settled else None,
        response_ms_average=round(outcome.response_ms / outcome.responses) if outcome.responses else None,
        response_ms_slowest=outcome.slowest_ms if outcome.responses else None,
    )
