"""The calls to the VPS over real sockets: what certainly was not taken, what nobody can tell, and whom nobody asks."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from contracts.wire import MessageStatusRequest, SendRequest
from dispatcher.answers import Accepted, Answer, NotTaken, Unknown, Unreachable
from dispatcher.doctor import vps as doctor
from dispatcher.doctor.finding import State
from dispatcher.group_listing import Listed, Unlisted
from dispatcher.sending.vps import ANSWER_BYTES, Vps
from dispatcher.settings import Settings

REQUEST = SendRequest(session_id="wa_x", phone="1@g.us", message="hi", client_ref="c", message_id="3EB0")
ACCEPTED = b'{"success":true,"accepted":true}'
OUT_OF_REACH = NotTaken("the VPS cannot be reached", "ConnectionTimeoutError")
UNREADABLE = "the VPS's answer could not be read"

Behaviour = Callable[[bytes], Awaitable[bytes]]
"""What a server makes of the first line of a request; nothing where it closes the connection."""


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Served(msgspec.Struct):
    """A server, and the first lines of the requests that it has read whole."""

    url: str
    requests: list[bytes]


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Served]:
    served, calls = Served("", []), set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(sum(int(line.split(b":")[1]) for line in lengths))
            served.requests.append(head.split(b"\r\n")[0])
            writer.write(await behaviour(served.requests[-1]))
        finally:
            writer.close()

    server = await asyncio.start_server(call, "127.0.0.1", 0, backlog=1_000)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def saying(*words: bytes) -> Behaviour:
    left = list(words)

    async def say(line: bytes) -> bytes:
        del line
        return left.pop(0) if len(left) > 1 else left[0]

    return say


async def sent(url: str, seconds: float = 10) -> Answer:
    async with Vps(url, "key", seconds, 1) as vps:
        return await vps.send(REQUEST, "once")


async def test_a_connection_that_does_not_come_about_in_time_has_taken_nothing():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        assert await sent(f"http://127.0.0.1:{listening.getsockname()[1]}", 0.5) == OUT_OF_REACH
        for client in waiting:
            client.close()


async def test_a_request_that_was_written_and_not_answered_in_time_is_unknown():
    async with serving(lambda _: asyncio.Event().wait()) as vps:
        assert await sent(vps.url, 0.5) == Unknown("the VPS did not answer in time")
        assert vps.requests == [b"POST /send HTTP/1.1"]


async def test_messages_of_many_sessions_do_not_wait_for_each_others_answers():
    sessions, all_there = 300, asyncio.Event()

    async def answer_all_together(line: bytes) -> bytes:
        del line
        if len(served.requests) == sessions:
            all_there.set()
        await all_there.wait()
        return answer(200, ACCEPTED)

    async with serving(answer_all_together) as served, Vps(served.url, "key", 20, 1) as vps:
        answers = await asyncio.gather(*(vps.send(REQUEST, f"{number}") for number in range(sessions)))
    assert answers == [Accepted()] * sessions


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_follows_a_redirect_and_what_became_of_the_message_is_unknown(status: int):
    async with serving(saying(answer(status, b"", "Location: /elsewhere"), answer(200, ACCEPTED))) as vps:
        found = await sent(vps.url)
        assert found == Unknown(f"redirected ({status}): something else than the VPS answered")
        assert vps.requests == [b"POST /send HTTP/1.1"]


CALLS: dict[str, Callable[[Vps], Awaitable[object]]] = {
    "look_up": lambda vps: vps.look_up(MessageStatusRequest(session_id="wa_x", group_jid="1@g.us")),
    "status": lambda vps: vps.status("wa_x"),
    "groups": lambda vps: vps.groups("wa_x"),
    "connect": lambda vps: vps.connect("wa_x"),
    "disconnect": lambda vps: vps.disconnect("wa_x"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_no_other_call_follows_a_redirect_either(call: Callable[[Vps], Awaitable[object]]):
    async with serving(saying(answer(307, b"", "Location: /elsewhere"), answer(200, b"{}"))) as served:
        async with Vps(served.url, "key", 10, 1) as vps:
            assert isinstance(await call(vps), Unreachable | Unlisted)
        assert len(served.requests) == 1


async def test_an_answer_beyond_all_reason_is_not_read_to_its_end():
    padded = ACCEPTED[:-1] + b',"x":"' + b"y" * ANSWER_BYTES + b'"}'
    async with serving(saying(answer(200, padded))) as vps:
        assert await sent(vps.url) == Unknown(UNREADABLE)
    async with serving(saying(answer(503, b'{"error":"' + b"y" * ANSWER_BYTES + b'"}'))) as vps:
        assert isinstance(await sent(vps.url), NotTaken)


async def test_a_list_of_groups_may_be_longer_but_not_beyond_all_reason():
    def listing(size: int) -> bytes:
        return b'[{"id":"120363000000000001@g.us","name":"ok","x":"' + b"y" * size + b'"}]'

    async with (
        serving(saying(answer(200, listing(ANSWER_BYTES)), answer(200, listing(1 << 20)))) as served,
        Vps(served.url, "key", 10, groups_mb=1) as vps,
    ):
        assert isinstance(await vps.groups("wa_x"), Listed)
        assert await vps.groups("wa_x") == Unlisted("the VPS's list of groups could not be read")


async def test_the_doctor_follows_no_redirect_either_and_asks_whether_the_address_is_right():
    async with serving(saying(answer(302, b"", "Location: /elsewhere"), answer(200))) as served:
        settings = Settings(database_url="", vps_url=served.url, vps_api_key="key")
        async with aiohttp.ClientSession() as http:
            found = (await doctor.examine(settings, http, lambda: 0))[0]
        assert (found.state, found.seen) == (State.WARNING, "answers, but not to /health (302)")
        assert served.requests == [b"GET /health HTTP/1.1"]
