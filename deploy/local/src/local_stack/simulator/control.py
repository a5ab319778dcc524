"""Routes of the control API under `/_control`: read, make things happen; `control_knobs` turns the knobs."""

import msgspec
from aiohttp import web

from local_stack.simulator import control_knobs
from local_stack.simulator.control_bodies import (
    ArbitraryCallback,
    Dropped,
    GatewayAnswer,
    Released,
    RequestsReport,
    RestartWish,
    SessionReport,
    StateChange,
)
from local_stack.simulator.groups import Group
from local_stack.simulator.messages import jid_of
from local_stack.simulator.sessions import Session
from local_stack.simulator.settings import Target
from local_stack.simulator.vps import MACHINE, as_json

PREFIX = "/_control"


def add_routes(app: web.Application) -> None:
    """Add the control API."""
    for method, path, receive in (
        ("GET", "/sessions", receive_sessions_question),
        ("POST", "/sessions/{session_id}/state", receive_state),
        ("PUT", "/sessions/{session_id}/groups", receive_groups),
        ("GET", "/target", receive_target_question),
        ("PUT", "/target", receive_target),
        ("GET", "/ledger", receive_ledger_question),
        ("GET", "/requests", receive_requests_question),
        ("GET", "/callbacks", receive_callbacks_question),
        ("POST", "/callbacks/send", receive_arbitrary_callback),
        ("GET", "/idle", receive_idle_question),
        ("POST", "/burst/release", receive_burst_release),
        ("POST", "/restart", receive_restart),
        ("POST", "/reset", receive_reset),
    ):
        app.router.add_route(method, PREFIX + path, receive)
    control_knobs.add_routes(app, PREFIX)


async def receive_sessions_question(request: web.Request) -> web.Response:
    """Show all known sessions."""
    return as_json([_session_report(session) for session in request.app[MACHINE].sessions.by_id.values()])


async def receive_state(request: web.Request) -> web.Response:
    """Put a session into a state."""
    wish = msgspec.json.decode(await request.read(), type=StateChange)
    session = request.app[MACHINE].set_state(
        request.match_info["session_id"], wish.status, wish.phone_number, tell=wish.tell
    )
    return as_json(_session_report(session))


async def receive_groups(request: web.Request) -> web.Response:
    """Set the groups of a session."""
    groups = msgspec.json.decode(await request.read(), type=list[Group])
    request.app[MACHINE].set_groups(request.match_info["session_id"], groups)
    return as_json({"groups": len(groups)})


async def receive_target_question(request: web.Request) -> web.Response:
    """Show where callbacks go; not with which key."""
    return as_json({"gateway_url": request.app[MACHINE].callbacks.gateway.target.gateway_url})


async def receive_target(request: web.Request) -> web.Response:
    """Send callbacks to this gateway from now on."""
    target = msgspec.json.decode(await request.read(), type=Target)
    request.app[MACHINE].callbacks.gateway.aim(target)
    return as_json({"gateway_url": target.gateway_url})


async def receive_ledger_question(request: web.Request) -> web.Response:
    """Show the ledger: `?recipient=&session=&after=&limit=`."""
    asked = request.query
    recipient = jid_of(asked["recipient"]) if "recipient" in asked else None
    limit = _number(request, "limit", -1)
    report = request.app[MACHINE].ledger.report(
        recipient,
        asked.get("session"),
        after=_number(request, "after", 0),
        limit=None if limit < 0 else limit,
    )
    return as_json(report)


async def receive_requests_question(request: web.Request) -> web.Response:
    """Show the counters of the calls that came."""
    machine = request.app[MACHINE]
    return as_json(RequestsReport(send=dict(machine.answer_kinds), calls=dict(machine.calls)))


async def receive_callbacks_question(request: web.Request) -> web.Response:
    """Show the counters of the callbacks that left, and the latest of them: `?limit=`."""
    callbacks = request.app[MACHINE].callbacks
    return as_json(callbacks.report(_number(request, "limit", callbacks.settings.callbacks_kept)))


async def receive_arbitrary_callback(request: web.Request) -> web.Response:
    """Send any body to any hook, now, and say how the gateway answered."""
    wish = msgspec.json.decode(await request.read(), type=ArbitraryCallback)
    callbacks = request.app[MACHINE].callbacks
    body = bytes(wish.body) if wish.raw is None else wish.raw.encode()
    key = callbacks.gateway.target.webhook_key if wish.key is None else wish.key
    answer, said = await callbacks.gateway.post(wish.hook, body, key, wish.content_type)
    callbacks.keep_answer(wish.hook, body, answer, said, wrong_key=wish.key is not None)
    return as_json(GatewayAnswer(answer=answer, body=said.decode(errors="replace")))


async def receive_idle_question(request: web.Request) -> web.Response:
    """Say whether all is quiet."""
    return as_json(request.app[MACHINE].idle())


async def receive_burst_release(request: web.Request) -> web.Response:
    """Release what is held for a burst."""
    return as_json(Released(released_callbacks=request.app[MACHINE].callbacks.release_burst()))


async def receive_restart(request: web.Request) -> web.Response:
    """Restart the VPS, as far as its memory goes."""
    wish = msgspec.json.decode(await request.read() or b"{}", type=RestartWish)
    return as_json(
        Dropped(dropped_callbacks=request.app[MACHINE].restart(drop_callbacks=wish.drop_callbacks))
    )


async def receive_reset(request: web.Request) -> web.Response:
    """Begin again as at the start."""
    request.app[MACHINE].reset()
    return as_json({})


def _session_report(session: Session) -> SessionReport:
    return SessionReport(
        session_id=session.session_id, status=session.status, phone_number=session.phone_number
    )


def _number(request: web.Request, name: str, otherwise: int) -> int:
    """Read a whole number from the query. Raises `msgspec.ValidationError` naming it."""
    text = request.query.get(name)
    if text is None:
        return otherwise
    if not text.isdigit():
        raise msgspec.ValidationError(f"Expected a whole number - at `?{name}`")
    return int(text)
