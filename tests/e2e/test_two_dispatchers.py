"""Two dispatchers on one database: they share the sessions, each is served by one at a time, and a frozen one that
wakes up late can do no harm.
"""

import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from os import kill

import pytest_asyncio

from local_stack.children import Child
from support.eventually import eventually
from support.service_history import assert_one_holder_at_a_time, note, served, tenures
from support.system import System

SETTINGS = {"LEASE_S": "2", "SEND_GAP_MS": "60", "VPS_TIMEOUT_S": "20", "CALLBACK_DEADLINE_S": "2"}
SESSIONS = 20
PER_SESSION = 40
HOLDER = re.compile(r"holder=(dispatcher-[0-9a-f-]{36})")
HOLDERS = (
    "SELECT session_id, holder FROM session_leases WHERE expires_at_ms > extract(epoch FROM now()) * 1000"
)


@pytest_asyncio.fixture(scope="module", autouse=True)
async def _noted(system: System) -> None:
    """Note who serves what, on a VPS that would not notice a message that comes twice."""
    await note(system.truth)
    await system.vps.turn(honour_idempotency_key=False)


def name_of(dispatcher: Child) -> str:
    """Return the name under which a dispatcher holds leases since its last start."""
    found = HOLDER.findall(dispatcher.log_path.read_text())
    assert found, dispatcher.last_lines()
    return str(found[-1])


async def holders(system: System) -> dict[str, str]:
    """Return who holds each session now."""
    return dict(await system.truth.fetch(HOLDERS))


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 30) -> None:
    """Wait until something holds."""

    async def told() -> bool:
        assert await holds()
        return True

    await eventually(told, within_s)


async def until_shared(system: System, sessions: list[str], *shares: int) -> None:
    """Wait until the dispatchers hold so many of these sessions each."""

    async def shared() -> bool:
        now = await holders(system)
        return sorted(Counter(now.get(session_id) for session_id in sessions).values()) == list(shares)

    await until(shared)


async def limit(system: System, session_id: str, **limits: int) -> None:
    """Let a session send so much; without limits, all."""
    answer = await system.api.call("PUT", f"/api/sessions/{session_id}/settings", limits)
    assert answer.status == 200, answer


async def create_held_back(
    system: System, sessions: int, recipients: int
) -> dict[str, tuple[str, list[str]]]:
    """Create a campaign on each of so many sessions that send one message and no more; return it and its groups."""
    plan = {}
    for _ in range(sessions):
        session_id, groups = system.new_session(), system.new_groups(recipients)
        opened = await system.api.call("POST", f"/api/sessions/{session_id}/connect")
        assert opened.status == 200, opened
        await limit(system, session_id, daily_cap=1)
        plan[session_id] = (await system.api.create(session_id, groups), groups)
    return plan


async def assert_served_by_one_at_a_time(system: System) -> None:
    """By the history of the leases; by who wrote each start of a send; and, in the order in which the VPS sent, by the
    ledger: behind a message of a later holder comes none of an earlier one.
    """
    assert_one_holder_at_a_time(await tenures(system.truth))
    started = await served(system.truth)
    assert [one for one in started.values() if one.writer != one.holder] == []
    last_token: dict[str, int] = {}
    for entry in (await system.vps.ledger()).items:
        token = started[entry.client_ref or ""].token
        assert token >= last_token.get(entry.session_id, 0), entry
        last_token[entry.session_id] = token


async def assert_sent_once(system: System, plan: dict[str, tuple[str, list[str]]]) -> None:
    await system.until_quiet()
    ledger = await system.vps.ledger(limit=1)
    wanted = {jid for _, groups in plan.values() for jid in groups}
    assert {jid: sent for jid, sent in ledger.per_recipient.items() if jid in wanted} == dict.fromkeys(
        wanted, 1
    )
    assert ledger.sent_twice == []


async def test_20_sessions_are_shared_and_each_is_served_by_one_at_a_time(system: System) -> None:
    plan = await create_held_back(system, SESSIONS, PER_SESSION)
    await until_shared(system, list(plan), SESSIONS)
    second = await system.start_another_dispatcher("second")
    await until_shared(system, list(plan), SESSIONS // 2, SESSIONS // 2)
    for session_id in plan:
        await limit(system, session_id)

    async def half_way() -> bool:
        return (await system.vps.ledger(limit=1)).sent > SESSIONS * PER_SESSION // 3

    await until(half_way)
    writers = {name_of(system.dispatcher), name_of(second)}
    second.stop()
    assert second.exit_code == 0
    await system.start("second")
    for broadcast_id, groups in plan.values():
        campaign = await system.api.until_finished(broadcast_id, 60)
        assert campaign.outcome == ("completed", len(groups), 0)
    await assert_sent_once(system, plan)
    await assert_served_by_one_at_a_time(system)
    assert writers <= {one.writer for one in (await served(system.truth)).values()}
    second.stop()


async def test_one_that_froze_in_the_middle_of_a_send_wakes_up_to_a_lease_that_is_gone(
    system: System,
) -> None:
    frozen = await system.start_another_dispatcher("frozen")
    plan = await create_held_back(system, 2, 6)
    await until_shared(system, list(plan), 1, 1)
    session_id = next(name for name, holder in (await holders(system)).items() if holder == name_of(frozen))
    broadcast_id, groups = plan[session_id]
    await system.vps.put_recipients(groups[1:2], answer_delay_ms=3_000)
    for name in plan:
        await limit(system, name)

    async def written() -> bool:
        return (await system.vps.ledger(recipient=groups[1])).sent == 1

    await until(written)
    assert frozen.pid
    kill(frozen.pid, signal.SIGSTOP)
    try:
        campaign = await system.api.until_finished(broadcast_id, 60)
    finally:
        kill(frozen.pid, signal.SIGCONT)
    assert campaign.outcome == ("completed", len(groups), 0)
    assert (await tenures(system.truth))[session_id][-1].holder == name_of(system.dispatcher)

    async def refused() -> bool:
        return "refused late_answers=1" in frozen.log_path.read_text()

    await until(refused)
    steps = [step.event for step in await system.api.history(broadcast_id, groups[1])]
    assert "recipient.accepted" not in steps, "that is what the frozen one would have written"
    await assert_sent_once(system, plan)
    await assert_served_by_one_at_a_time(system)


async def test_rebuild_verify_finds_no_difference_in_all_that(system: System) -> None:
    ended = await system.run("rebuild", "--verify")
    assert ended.code == 0, ended.output
