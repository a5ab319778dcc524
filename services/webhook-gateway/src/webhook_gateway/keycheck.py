"""The check of the key: an ASGI layer before the handlers, so that a stranger's body is never read.

A layer and not a guard: Litestar copies the whole route for each guarded request, a seventh of its cost.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from webhook_gateway.auth import Caller, presented_key, recognised
from webhook_gateway.counters import Counters
from webhook_gateway.problems import RateExceededError, UnknownKeyError
from webhook_gateway.rate import RateLimit


class KeyCheck(ASGIMiddleware):
    """Lets known keys in, at their rate; the caller stands in `scope["auth"]` then. `monotonic` is seconds, `now`
    UTC.
    """

    def __init__(
        self,
        callers: Sequence[Caller],
        limit: RateLimit,
        counters: Counters,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._callers = callers
        self._now = now
        self._uses = {each.digest: counters.know_key(each.tenant, each.fingerprint) for each in callers}
        self._limit = limit
        self._counters = counters
        self._monotonic = monotonic

    def __deepcopy__(self, _: dict[int, object]) -> Self:
        """Stay the same: Litestar copies routers with all that they hold, and the figures would count elsewhere."""
        return self

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on, or raise what `problems` answers with 401 or 429."""
        hook = scope["route_handler"].name or ""
        caller = recognised(self._callers, presented_key(scope["headers"]))
        if caller is None:
            self._counters.count(hook, "unauthorised")
            raise UnknownKeyError
        use = self._uses[caller.digest]
        use.requests += 1
        use.last_used_s = self._now().timestamp()
        wait = self._limit.seconds_to_wait(caller.digest, self._monotonic())
        if wait > 0:
            self._counters.count(hook, "rate_limited")
            raise RateExceededError(wait)
        scope["auth"] = caller
        await next_app(scope, receive, send)
