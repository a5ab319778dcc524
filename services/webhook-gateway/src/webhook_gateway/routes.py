"""Routes: the six webhooks over HTTP. The key is checked before a handler is called."""

from collections.abc import Callable
from datetime import datetime

from litestar import Router, post
from litestar.handlers import HTTPRouteHandler

from webhook_gateway.auth import Caller
from webhook_gateway.bodies import BodyReader
from webhook_gateway.callbacks import HOOKS, Hook
from webhook_gateway.intake import Accepted, Intake
from webhook_gateway.keycheck import KeyCheck
from webhook_gateway.openapi import ANSWERS, hook_operation, summary_of
from webhook_gateway.problems import AnyRequest
from webhook_gateway.receipt import Receipt


def hooks_router(
    intake: Intake, keys: KeyCheck, reader: BodyReader, now: Callable[[], datetime], max_body_bytes: int
) -> Router:
    """Return `/webhooks/…`. `now` is the time of receipt, in UTC."""
    return Router(
        "/webhooks",
        route_handlers=[_hook_route(hook, intake, reader, now) for hook in HOOKS],
        middleware=[keys],
        request_max_body_size=max_body_bytes,
    )


def _hook_route(
    hook: Hook, intake: Intake, reader: BodyReader, now: Callable[[], datetime]
) -> HTTPRouteHandler:
    @post(
        f"/{hook.name}",
        status_code=202,
        response_description="Stored durably, or a duplicate of what is: the sender may stop",
        name=hook.name,
        operation_id=f"receive-{hook.name}",
        operation_class=hook_operation(hook),
        summary=summary_of(hook),
        responses=ANSWERS,
        tags=["webhooks"],
    )
    async def receive_callback(request: AnyRequest) -> Accepted:
        caller: Caller = request.scope["auth"]
        received_at = now()
        body = await reader.read(request, hook.name, caller.tenant, received_at)
        return await intake.take(hook, Receipt(hook.name, caller.tenant, received_at, body))

    return receive_callback
