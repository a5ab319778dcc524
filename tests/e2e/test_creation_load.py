"""Large creations: in bounded memory, without holding up others, and whole or not at all, whatever cuts them off."""

import asyncio
import itertools
from collections.abc import Awaitable
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import psutil

from support.api import FAR_OFF, Answer
from support.eventually import eventually
from support.system import API_KEY, System

SETTINGS = {"CREATION_CHUNK": "1000", "SEND_GAP_MS": "1", "SESSION_LANES": "2"}
ALONE = True

MANY, LINES, CUT_OFF = 100_000, 20_000, 50_000
MIB = 1 << 20
BOUND = 160 * MIB
"""What the dispatcher may grow by for 100,000 recipients, whatever their form: measured 80 to 95 MiB."""


def csv(count: int, first: int) -> bytes:
    """Return a file of so many people, each with a name."""
    return "".join(
        itertools.chain(
            ["phone,lead_id,name\n"], (f"05{first + n:08},L{n},Guest {n}\n" for n in range(count))
        )
    ).encode()


async def upload(system: System, body: bytes, content_type: str, **query: str) -> Answer:
    url = f"{system.api.url}/api/campaigns"
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": content_type}
    limit = aiohttp.ClientTimeout(total=300)
    async with system.http.post(
        url, data=BytesIO(body), params=query, headers=headers, timeout=limit
    ) as answer:
        return Answer(answer.status, answer.content_type, await answer.read())


async def growth(system: System, work: Awaitable[Answer]) -> tuple[Answer, int]:
    """Do some work; return its answer, and by how much the dispatcher grew meanwhile at the most, in bytes."""
    process = psutil.Process(system.dispatcher.pid)
    before = highest = process.memory_info().rss
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=0.02)
        highest = max(highest, process.memory_info().rss)
    return task.result(), highest - before


async def test_tens_of_thousands_of_lines_of_a_file_are_taken_and_others_go_on_meanwhile(
    system: System,
) -> None:
    session_id, other = system.new_session(), system.new_session()
    query = {"session_id": session_id, "message": "Hello {{name}}", "scheduled_at": FAR_OFF}
    large = asyncio.create_task(growth(system, upload(system, csv(LINES, 10_000_000), "text/csv", **query)))
    await until_listed(system, session_id)
    small = await system.api.create(other, system.new_groups(3))
    await system.api.until(small, "completed", within_s=200)
    answer, grown = await large
    [[sent, recorded]] = await system.truth.fetch(
        "SELECT (SELECT min(global_position) FROM events WHERE type = 'recipient.started'"
        "        AND stream LIKE 'recipient-' || $1 || '+%'),"
        " (SELECT global_position FROM events WHERE type = 'campaign.scheduled' AND stream = 'campaign-' || $2)",
        small,
        answer.json["broadcast_id"],
    )
    assert sent < recorded, "the small campaign had to wait for the large one"
    assert answer.status == 202, answer
    assert (answer.json["total_recipients"], answer.json["invalid_recipients_count"]) == (LINES, 0)
    assert grown < BOUND


async def test_a_hundred_thousand_recipients_as_json_take_bounded_memory(system: System) -> None:
    session_id = system.new_session()
    recipients = [{"group_jid": f"1203631{n:011}@g.us", "name": f"Guest {n}"} for n in range(MANY)]
    spec: dict[str, Any] = {"session_id": session_id, "message": "Hello {{name}}", "recipients": recipients}
    body = msgspec.json.encode({**spec, "scheduled_at": FAR_OFF})
    answer, grown = await growth(system, upload(system, body, "application/json"))
    assert answer.status == 202, answer
    assert answer.json["total_recipients"] == MANY
    print(f"JSON of {MANY} recipients: the dispatcher grew by {grown // MIB} MiB")
    assert grown < BOUND


async def test_one_that_is_cut_off_sends_nothing_and_is_completed_by_a_repeat(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(CUT_OFF)
    body = msgspec.json.encode(
        {
            "session_id": session_id,
            "message": "hello",
            "recipients": [{"group_jid": jid} for jid in groups],
            "idempotency_key": f"cut-{session_id}",
        }
    )
    creation = asyncio.create_task(upload(system, body, "application/json"))
    broadcast_id = await until_listed(system, session_id)
    system.dispatcher.kill()
    await asyncio.wait({creation})
    assert creation.exception() is not None
    await system.start("dispatcher")
    campaign = await system.api.campaign(broadcast_id)
    assert (campaign.status, campaign.total_recipients) == ("accepted", CUT_OFF)
    assert campaign.queued_count < CUT_OFF
    assert (await system.ledger(session_id)).sent == 0
    again = (await upload(system, body, "application/json")).json
    assert (again["broadcast_id"], again["idempotent"]) == (broadcast_id, True)
    campaign = await system.api.campaign(broadcast_id)
    assert campaign.status in ("queued", "running")
    assert sum(campaign.counts.values()) == CUT_OFF


async def until_listed(system: System, session_id: str) -> str:
    """Wait until a campaign of that session is there, unfinished; return its id."""

    async def listed() -> str:
        items = (await system.api.call("GET", "/api/campaigns")).json["items"]
        found = [str(item["broadcast_id"]) for item in items if item["session_id"] == session_id]
        assert found, "not there yet"
        return found[0]

    return await eventually(listed, 120)
