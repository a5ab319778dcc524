"""The bare loop beside the dispatcher's sends: the same calls by aiohttp, one after another on each session, and
nothing else. No claim, no commit before the call, no record of the answer.
"""

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec

from contracts.wire import SendRequest
from dispatcher.sending.vps import KEEPALIVE_SECONDS
from local_stack.bench.figure import MeasurementError

ACCEPTED = b'"accepted":true'

Call = tuple[str, bytes]
"""An Idempotency-Key and a body."""


def render_calls(session_id: str, recipients: Sequence[str], text: str) -> list[Call]:
    """Return the calls of one session, with all that the dispatcher sends along."""
    return [
        (reference, _body(session_id, jid, text, reference, f"3EB0{number:018X}"))
        for number, jid in enumerate(recipients)
        for reference in [f"{session_id}-{number}"]
    ]


def _body(session_id: str, jid: str, text: str, reference: str, message_id: str) -> bytes:
    request = SendRequest(
        session_id=session_id, phone=jid, message=text, client_ref=reference, message_id=message_id
    )
    return msgspec.json.encode(request)


async def send_all(vps_url: str, key: str, calls: Mapping[str, Sequence[Call]]) -> None:
    """Make the calls of all sessions, one in flight on each. Raises MeasurementError on any refusal."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=len(calls), keepalive_timeout=KEEPALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        await asyncio.gather(*(_send_in_turn(http, f"{vps_url}/send", mine) for mine in calls.values()))


async def _send_in_turn(http: aiohttp.ClientSession, url: str, calls: Sequence[Call]) -> None:
    for reference, body in calls:
        async with http.post(url, data=body, headers={"Idempotency-Key": reference}) as answer:
            said = await answer.read()
            if answer.status != 200 or ACCEPTED not in said:
                raise MeasurementError(f"the simulator answered {answer.status}: {said[:200]!r}")
