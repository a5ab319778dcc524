"""Routes of the control API that turn knobs: for all, for a session, for recipients."""

import msgspec
from aiohttp import web

from local_stack.simulator.behaviour import Overlay, read_overlay
from local_stack.simulator.control_bodies import KnobsReport, RecipientKnobs
from local_stack.simulator.messages import jid_of
from local_stack.simulator.vps import MACHINE, as_json


def add_routes(app: web.Application, prefix: str) -> None:
    """Add the calls that turn knobs, under a prefix."""
    app.router.add_get(f"{prefix}/knobs", receive_knobs_question)
    app.router.add_get(f"{prefix}/defaults", receive_defaults_question)
    for method in ("PUT", "PATCH"):
        app.router.add_route(method, f"{prefix}/defaults", receive_defaults)
        app.router.add_route(method, f"{prefix}/sessions/{{session_id}}", receive_session_knobs)
        app.router.add_route(method, f"{prefix}/recipients", receive_recipients_knobs)
        app.router.add_route(method, f"{prefix}/recipients/{{recipient}}", receive_recipient_knobs)
    app.router.add_delete(f"{prefix}/sessions/{{session_id}}", receive_session_clearing)
    app.router.add_delete(f"{prefix}/recipients", receive_recipients_clearing)
    app.router.add_delete(f"{prefix}/recipients/{{recipient}}", receive_recipient_clearing)


async def receive_knobs_question(request: web.Request) -> web.Response:
    """Show all levels of knobs."""
    behaviour = request.app[MACHINE].behaviour
    return as_json(
        KnobsReport(
            defaults=behaviour.defaults,
            sessions={key: _raw(overlay) for key, overlay in behaviour.sessions.items()},
            recipients={key: _raw(overlay) for key, overlay in behaviour.recipients.items()},
        )
    )


async def receive_defaults_question(request: web.Request) -> web.Response:
    """Show the default knobs in full."""
    return as_json(request.app[MACHINE].behaviour.defaults)


async def receive_defaults(request: web.Request) -> web.Response:
    """Turn default knobs. PUT puts the others back to the start, PATCH leaves them."""
    behaviour = request.app[MACHINE].behaviour
    behaviour.set_defaults(read_overlay(await request.read()), keep=request.method == "PATCH")
    return as_json(behaviour.defaults)


async def receive_session_knobs(request: web.Request) -> web.Response:
    """Turn knobs of a session. PUT clears its others, PATCH leaves them."""
    behaviour, session_id = request.app[MACHINE].behaviour, request.match_info["session_id"]
    behaviour.set_session(session_id, read_overlay(await request.read()), keep=request.method == "PATCH")
    return as_json(_raw(behaviour.sessions.get(session_id, {})))


async def receive_session_clearing(request: web.Request) -> web.Response:
    """Clear the knobs of a session; the session itself stays."""
    request.app[MACHINE].behaviour.set_session(request.match_info["session_id"], {}, keep=False)
    return as_json({})


async def receive_recipients_knobs(request: web.Request) -> web.Response:
    """Turn the same knobs for many recipients. PUT clears their others, PATCH leaves them."""
    wish = msgspec.json.decode(await request.read(), type=RecipientKnobs)
    recipients = [jid_of(recipient) for recipient in wish.recipients]
    behaviour = request.app[MACHINE].behaviour
    behaviour.set_recipients(recipients, read_overlay(bytes(wish.knobs)), keep=request.method == "PATCH")
    return as_json({"recipients": len(recipients)})


async def receive_recipients_clearing(request: web.Request) -> web.Response:
    """Clear the knobs of all recipients."""
    request.app[MACHINE].behaviour.clear_recipients()
    return as_json({})


async def receive_recipient_knobs(request: web.Request) -> web.Response:
    """Turn knobs of a recipient. PUT clears its others, PATCH leaves them."""
    behaviour, recipient = request.app[MACHINE].behaviour, jid_of(request.match_info["recipient"])
    overlay = read_overlay(await request.read())
    behaviour.set_recipients([recipient], overlay, keep=request.method == "PATCH")
    return as_json(_raw(behaviour.recipients.get(recipient, {})))


async def receive_recipient_clearing(request: web.Request) -> web.Response:
    """Clear the knobs of a recipient."""
    recipient = jid_of(request.match_info["recipient"])
    request.app[MACHINE].behaviour.set_recipients([recipient], {}, keep=False)
    return as_json({})


def _raw(overlay: Overlay) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in overlay.items()}
