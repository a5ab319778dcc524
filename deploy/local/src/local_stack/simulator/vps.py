"""Routes of the VPS: what the dispatcher calls. They read the request, ask the machine and answer."""

import asyncio
import socket
import struct

import msgspec
from aiohttp import web

from local_stack.simulator.answers import UNAUTHORIZED, Answer
from local_stack.simulator.groups import groups_json
from local_stack.simulator.machine import Machine, Taken
from local_stack.simulator.messages import SendBody, jid_of, missing_fields
from local_stack.simulator.outcomes import AnswerKind

MACHINE = web.AppKey("machine", Machine)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)

read_send = msgspec.json.Decoder(SendBody).decode


class SessionBody(msgspec.Struct, frozen=True, rename="camel"):
    """The body of `/connect` and of `/message-status`."""

    session_id: str
    group_jid: str = ""


def add_routes(app: web.Application) -> None:
    """Add the calls of the VPS."""
    app.router.add_post("/send", receive_send)
    app.router.add_get("/status/{session_id}", receive_status)
    app.router.add_get("/groups/{session_id}", receive_groups)
    app.router.add_post("/message-status", receive_message_status)
    app.router.add_post("/connect", receive_connect)
    app.router.add_post("/disconnect/{session_id}", receive_disconnect)
    app.router.add_get("/health", receive_health)


async def receive_send(request: web.Request) -> web.Response:
    """`POST /send`."""
    machine = request.app[MACHINE]
    try:
        body = read_send(await request.read())
    except msgspec.MsgspecError:
        machine.answer_kinds["bad_request"] += 1
        return failure(400, "Invalid JSON")
    if missing := missing_fields(body):
        machine.answer_kinds["bad_request"] += 1
        return failure(400, f"Missing required fields: {', '.join(missing)}")
    taken = machine.take(body, request.headers.get("Idempotency-Key"))
    if taken.early is not None:
        await taken.early.first_try()
    if taken.delay_ms and await _restarts_within(request, taken.delay_ms):
        return _reset(request)
    return response_of(taken.answer) if taken.answer else await _leave_unanswered(request, taken)


async def receive_status(request: web.Request) -> web.Response:
    """`GET /status/{sessionId}`."""
    machine, session_id = _called(request, "status"), request.match_info["session_id"]
    knobs = machine.behaviour.of_session(session_id)
    session = machine.sessions.find(session_id, knobs)
    if session is None:
        if knobs.missing_status == "404":
            return failure(404, "Session not found")
        return as_json({"sessionId": session_id, "status": "disconnected", "phoneNumber": None})
    status: dict[str, object] = {"sessionId": session_id, "status": session.status}
    status["phoneNumber"] = session.phone_number if session.status == "connected" else None
    return as_json(status | ({"qr": "2@simulated"} if session.status == "qr" else {}))


async def receive_groups(request: web.Request) -> web.Response:
    """`GET /groups/{sessionId}?includeInviteLinks=true`."""
    machine, session_id = _called(request, "groups"), request.match_info["session_id"]
    groups = machine.groups.get(session_id, [])
    knobs = machine.behaviour.of_session(session_id)
    invite_links = request.query.get("includeInviteLinks") == "true"
    return response_of(Answer(200, groups_json(groups, knobs, invite_links=invite_links)))


async def receive_message_status(request: web.Request) -> web.Response:
    """`POST /message-status`: 404 where the build has no such call."""
    machine, asked = _called(request, "message_status"), await _session_body(request)
    if asked is None or not asked.group_jid:
        return failure(400, "Missing required fields: sessionId, groupJid")
    recipient = jid_of(asked.group_jid)
    if not machine.behaviour.of_message(asked.session_id, recipient).message_status:
        return failure(404, "Not found")
    return as_json(machine.message_status(asked.session_id, recipient))


async def receive_connect(request: web.Request) -> web.Response:
    """`POST /connect`."""
    machine, asked = _called(request, "connect"), await _session_body(request)
    if asked is None:
        return failure(400, "Missing required fields: sessionId")
    session = machine.connect(asked.session_id)
    return as_json({"success": True, "sessionId": session.session_id, "status": session.status})


async def receive_disconnect(request: web.Request) -> web.Response:
    """`POST /disconnect/{sessionId}`."""
    session = _called(request, "disconnect").disconnect(request.match_info["session_id"])
    return as_json({"success": True, "sessionId": session.session_id, "status": session.status})


async def receive_health(request: web.Request) -> web.Response:
    """`GET /health`."""
    machine = _called(request, "health")
    return as_json({"status": "ok", "sessions": len(machine.sessions.by_id)})


def response_of(answer: Answer) -> web.Response:
    """Return an answer as aiohttp's response."""
    headers = None if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, headers=headers
    )


def as_json(body: object, status: int = 200) -> web.Response:
    """Return a JSON response."""
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def failure(status: int, error: str) -> web.Response:
    """Return a refusal in the VPS's own shape."""
    return as_json({"error": error}, status)


def unauthorized() -> web.Response:
    """Return the answer to a missing or wrong key."""
    return response_of(UNAUTHORIZED)


async def _leave_unanswered(request: web.Request, taken: Taken) -> web.Response:
    """Reset the connection: at once, or after it hung until `hang_ms` were over or the VPS restarted."""
    if taken.kind == AnswerKind.LOSE_ANSWER:
        await _restarts_within(request, taken.hang_ms)
    return _reset(request)


async def _restarts_within(request: web.Request, milliseconds: int) -> bool:
    """Wait so long, or until the VPS is restarted; return whether it was."""
    restarted = request.app[MACHINE].restarted
    try:
        async with asyncio.timeout(milliseconds / 1000):
            return await restarted.wait()
    except TimeoutError:
        return False


def _reset(request: web.Request) -> web.Response:
    """Reset the connection; what is returned reaches nobody."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # Without lingering the kernel sends RST, not FIN: what a client sees when the VPS is killed.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    return web.Response(status=500)


def _called(request: web.Request, name: str) -> Machine:
    machine = request.app[MACHINE]
    machine.calls[name] += 1
    return machine


async def _session_body(request: web.Request) -> SessionBody | None:
    try:
        return msgspec.json.decode(await request.read(), type=SessionBody)
    except msgspec.MsgspecError:
        return None
