"""Many recipients over 100 sessions, each twentieth of them hit by another misbehaviour of the VPS: what we say came of
each is what the VPS really did, and the projections are what the events say.

`MISBEHAVIOUR_RECIPIENTS` sets how many (600): 2,000 took 55 s on two shared cores, 10,000 took 155 s.
"""

import os
import random
from collections import Counter

from local_stack.simulator.ledger import Entry
from support.system import System

SETTINGS = {
    "SEND_GAP_MS": "0",
    "CALLBACK_DEADLINE_S": "10",
    "VPS_TIMEOUT_S": "1",
    "LEASE_S": "30",
    "EXPIRY_INTERVAL_S": "0.2",
}
RECIPIENTS = int(os.environ.get("MISBEHAVIOUR_RECIPIENTS", "600"))
SESSIONS = 100
WITHIN_S = 120 + RECIPIENTS / 20
SENT, FAILED = "sent", "failed"
ONCE = {"only_first": 1}

CASES: list[tuple[dict[str, float], str]] = [
    ({"lose_answer": 1.0}, SENT),
    ({"reset_before": 1.0, **ONCE}, SENT),
    ({"reset_after": 1.0}, SENT),
    ({"refuse_400": 1.0}, FAILED),
    ({"refuse_401": 1.0, **ONCE}, SENT),
    ({"refuse_429": 1.0, **ONCE}, SENT),
    ({"refuse_503": 1.0, **ONCE}, SENT),
    ({"proxy_502_before": 1.0, **ONCE}, SENT),
    ({"proxy_502_after": 1.0}, SENT),
    ({"reject": 1.0}, FAILED),
    ({"unreadable": 1.0}, SENT),
    ({"swallow": 1.0, **ONCE}, SENT),
    ({"fail": 1.0, **ONCE}, SENT),
    ({"fail": 1.0}, FAILED),
    ({"error_ack": 1.0}, FAILED),
    ({"error_ack": 1.0, "error_first": 1.0}, FAILED),
    ({"late": 1.0, "late_ms": 2_000, "reorder": 1.0}, SENT),
    ({"duplicate": 1.0, "early": 1.0}, SENT),
    ({"drop_callback": 1.0}, SENT),
    ({"wrong_key": 1.0}, SENT),
]
"""What the VPS does to a twentieth of the recipients each, and what must come of them."""


async def misbehave(system: System, groups: list[str]) -> dict[str, str]:
    """Deal the cases out; return what must come of each group."""
    random.Random(7).shuffle(groups)
    expected = {}
    for number, (knobs, outcome) in enumerate(CASES):
        hit = groups[number :: len(CASES)]
        await system.vps.put_recipients(hit, **knobs)
        expected |= dict.fromkeys(hit, outcome)
    return expected


async def test_what_we_say_of_each_recipient_is_what_the_vps_really_did(system: System) -> None:
    groups = system.new_groups(RECIPIENTS)
    expected = await misbehave(system, groups)
    ids = [
        await system.api.create(system.new_session(), groups[number::SESSIONS]) for number in range(SESSIONS)
    ]
    totals: Counter[str] = Counter()
    for broadcast_id in ids:
        await system.api.until_finished(broadcast_id, WITHIN_S)
    await system.until_quiet(WITHIN_S)
    came_of: dict[str, str] = {}
    for broadcast_id in ids:
        campaign = await system.api.until_finished(broadcast_id, WITHIN_S)
        totals += Counter({SENT: campaign.sent_count, FAILED: campaign.failed_count})
        rows = await system.api.recipients(broadcast_id)
        came_of |= {jid: row.status for jid, row in rows.items()}
    assert {jid: status for jid, status in came_of.items() if status != expected[jid]} == {}
    ledger = await system.vps.ledger()
    assert ledger.sent_twice == []
    assert_equal(totals, came_of, ledger.items)
    verified = await system.run("rebuild", "--verify")
    assert verified.code == 0, verified.output
    assert "0 differences" in verified.output


def assert_equal(totals: Counter[str], came_of: dict[str, str], entries: list[Entry]) -> None:
    """What was written and not refused is sent, once; all the rest is failed; and the totals say so."""
    reached = Counter(entry.recipient for entry in entries if not entry.refused)
    assert reached == {jid: 1 for jid, status in came_of.items() if status == SENT}
    assert totals == {SENT: len(reached), FAILED: len(came_of) - len(reached)}
