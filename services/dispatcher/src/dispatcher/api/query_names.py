"""A query parameter that a route does not know is refused: what was meant to narrow a list must not be left unread."""

from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg

from dispatcher.api.problems import Refusal

READS_QUERY = "reads_query"
"""Set in the `opt` of a route that reads its query by itself."""


async def refuse_unknown(request: Request[Any, Any, Any]) -> None:
    """Refuse a request to the API whose query names something that its route does not take."""
    handler = request.route_handler
    given = request.query_params
    if not given or handler.opt.get(READS_QUERY) or not request.url.path.startswith("/api/"):
        return
    taken = _taken(handler)
    for name in given:
        if name not in taken:
            words = f"it takes {', '.join(sorted(taken))}" if taken else "it takes none"
            raise Refusal(400, f"no parameter of this call: {words}", code="INVALID_REQUEST", field=name)


def _taken(handler: HTTPRouteHandler) -> set[str]:
    """Return the names of a route's query parameters: no other kind of parameter is described here."""
    parameters = handler.parsed_fn_signature.parameters.items()
    described = ((name, field.kwarg_definition) for name, field in parameters)
    return {kwarg.name or name for name, kwarg in described if isinstance(kwarg, ParameterKwarg)}
