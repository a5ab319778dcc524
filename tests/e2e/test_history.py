"""The history of deliveries: rates and response times per five minutes, each tenant's own."""

from typing import Any

import pytest

from support.api import Api
from support.system import System

ALONE = True


async def total(api: Api, **query: str) -> dict[str, int]:
    """The sums over all spans."""
    answer = await api.call("GET", "/api/whatsapp/history", **query)
    assert answer.status == 200, answer
    spans: list[dict[str, Any]] = answer.json["items"]
    assert [span["begins_at"] for span in spans] == sorted((s["begins_at"] for s in spans), reverse=True)
    return {name: sum(span[name] for span in spans) for name in ("sent", "failed", "retried")}


async def test_successes_failures_and_retries_are_counted_with_their_response_times(system: System) -> None:
    session_id, groups = system.new_session(), system.new_groups(4)
    before = await total(system.api)
    await system.vps.put_recipients(groups[2:3], reject=1.0)
    await system.vps.put_recipients(groups[3:], fail=1.0, only_first=1)
    broadcast_id = await system.api.create(session_id, groups)
    await system.api.until_outcome(broadcast_id, "partial", 3, 1)
    after = await total(system.api)
    assert {name: after[name] - before[name] for name in after} == {"sent": 3, "failed": 1, "retried": 1}
    newest = (await system.api.call("GET", "/api/whatsapp/history", hours="1")).json["items"][0]
    assert newest["success_rate"] + newest["failure_rate"] == pytest.approx(1)
    assert 0 <= newest["response_ms_average"] <= newest["response_ms_slowest"] < 15_000
    assert await total(system.other_api) == {"sent": 0, "failed": 0, "retried": 0}


@pytest.mark.parametrize("hours", ["0", "169", "x"])
async def test_a_history_that_reaches_too_far_back_is_refused(system: System, hours: str) -> None:
    answer = await system.api.call("GET", "/api/whatsapp/history", hours=hours)
    assert (answer.status, answer.json["field"]) == (400, "hours")


async def test_a_rebuild_finds_the_history_as_it_is(system: System) -> None:
    done = await system.run("rebuild", "--verify")
    assert done.code == 0, done.output
