"""Thousands run through; what was published is what the store holds, and the projections agree with it.

`SCALE_RECIPIENTS=10000` for more than the usual 2,000.
"""

import os

from support.published import assert_all_published
from support.system import System

SETTINGS = {
    "SEND_GAP_MS": "0",
    "SESSION_LANES": "2",
    "CALLBACK_DEADLINE_S": "120",
    "VPS_TIMEOUT_S": "30",
    "LEASE_S": "60",
}

CAMPAIGNS = 40
RECIPIENTS = int(os.environ.get("SCALE_RECIPIENTS", "2000")) // CAMPAIGNS
WITHIN_S = 240


async def test_all_recipients_run_through_and_every_event_is_published_in_order(system: System) -> None:
    plan = [(system.new_session(), system.new_groups(RECIPIENTS)) for _ in range(CAMPAIGNS)]
    ids = [await system.api.create(session_id, groups) for session_id, groups in plan]
    for broadcast_id in ids:
        campaign = await system.api.until_finished(broadcast_id, WITHIN_S)
        assert campaign.outcome == ("completed", RECIPIENTS, 0)
    await system.until_quiet(WITHIN_S)
    ledger = await system.vps.ledger(limit=1)
    assert ledger.per_recipient == {jid: 1 for _, groups in plan for jid in groups}
    assert ledger.sent_twice == []
    published = await assert_all_published(system, *ids)
    assert published >= CAMPAIGNS * RECIPIENTS * 3
    verified = await system.run("rebuild", "--verify")
    assert verified.code == 0, verified.output
