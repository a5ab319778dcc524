"""A mixed history: every kind of event on a store, for tests of what is made from events."""

from contracts.delivery import (
    MemberJoined,
    MemberLeft,
    MessageDelivered,
    MessageErrored,
    MessageFailed,
    MessageRead,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
    SessionReported,
)
from dispatcher.answers import Accepted, NotTaken, Rejected, Unknown
from dispatcher.directory import Directory
from dispatcher.domain.dismissal import Dismissed
from dispatcher.domain.group import Listing
from dispatcher.group_listing import Listed
from dispatcher.handling import Cause, batch
from support.dispatching import NOON_MS, RULES, Bed, groups, report
from support.sending import Recorder, new_sender, rounds


async def live_through_much(bed: Bed) -> None:
    """Let three campaigns see every kind of event."""
    jids = groups(10)
    campaign_id = await bed.create(jids, chunk=4)
    await bed.create(groups(3, 50), "wa_other", priority="high", delay_seconds=1.5, media_url="http://x/y")
    await bed.create(groups(2, 70), "wa_idle", idempotency_key="idle")
    caller = Recorder()
    caller.answers = {
        jids[0]: Accepted("3EB0OLDBUILD"),
        jids[1]: Rejected("rejected by the VPS", "no such group"),
        jids[2]: Unknown("timeout"),
        groups(1, 50)[0]: NotTaken("the session is not connected"),
    }
    sender = new_sender(bed, caller)
    await rounds(bed, sender, 12)
    ids = {request.phone: request.message_id for request in caller.requests}
    about = {jid: {"recipient": jid, "message_id": ids[jid]} for jid in jids}
    reader = {"reader": "919812345678"}
    await bed.tell(
        *(report(MessageSent, **about[jid]) for jid in jids[2:8]),
        report(MessageErrored, message_id=ids[jids[3]], error_code=420, error_message="no"),
        report(MessageErrored, message_id="3EB0NOBODY", error_code=420, error_message="no"),
        report(MessageDelivered, **about[jids[4]], **reader),
        report(MessageRead, **about[jids[4]], **reader),
        report(MessageRead, NOON_MS - 5_000, **about[jids[4]], **reader),
        report(MessageRead, **about[jids[5]], **reader),
        report(ReactionAdded, **about[jids[5]], reactor="1", emoji="+"),
        report(ReactionAdded, **about[jids[6]], reactor="1", emoji="+"),
        report(ReactionRemoved, NOON_MS + 9_000, **about[jids[6]], reactor="1"),
        report(MessageFailed, **about[jids[8]], error="closed"),
        report(SessionReported, status="connected", phone_number="919812345678"),
        report(SessionReported, status="qr", session_id="wa_other"),
    )
    bed.clock.advance(70)
    await rounds(bed, sender, 4)
    await bed.tell(
        report(MessageErrored, message_id=ids[jids[7]], error_code=463, error_message="restricted")
    )
    assert (await bed.campaign(campaign_id)).tally.failed
    await live_through_groups(bed, jids)
    async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
        let_be = Dismissed(bed.clock.ms, "acme", "report-1", "dana", "seen")
        assert await handling.dismiss(connection, let_be, Cause("story"))


async def live_through_groups(bed: Bed, jids: list[str]) -> None:
    """Let groups be listed, left, refused and found to be community parents."""
    directory = Directory(bed.engine, RULES, bed.clock.now_ms)
    known = {jid: Listing(f"Team {jid[:9]}", 3) for jid in jids[:4]}
    await directory.sync("wa_x", Listed(known, frozenset(jids[4:6])), bed.clock.ms)
    await bed.tell(
        report(MemberJoined, bed.clock.ms + 5, recipient=jids[1], participant="919812345678"),
        report(MemberLeft, bed.clock.ms + 6, recipient=jids[1], participant="919812345679"),
    )
    await directory.sync(
        "wa_x", Listed({jids[0]: known[jids[0]]}, frozenset({jids[2], jids[4]})), bed.clock.ms
    )
    await bed.create([*jids[:6], *groups(2, 90)], "wa_x", media_url="http://x/z")
