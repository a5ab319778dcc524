"""The deadline: what nobody confirmed is looked up at the VPS, and settled, queued again or held."""

import pytest

from contracts.delivery import MessageErrored, MessageSent
from contracts.wire import MessageStatusRequest
from dispatcher.answers import Found, NoLookup, NotFound, Remembered, Unreachable
from dispatcher.domain.recipient_commands import RecordNotTaken
from dispatcher.handling import Cause, batch
from dispatcher.moving import Moving, Wish
from dispatcher.processes.expire_sends import Expiry, Policy
from dispatcher.store import lease
from support.dispatching import DEADLINE_MS, NOON_MS, RULES, SESSION, Bed, groups, report

MINUTE_MS = 60_000


class Memory:
    """What a VPS remembers of the last message to each recipient; of the others it says `otherwise`."""

    def __init__(self, otherwise: Remembered | None = None, **known: Remembered) -> None:
        self.otherwise = otherwise or NotFound()
        self.known: dict[str, Remembered] = dict(known)
        self.asked: list[str] = []

    async def look_up(self, request: MessageStatusRequest) -> Remembered:
        assert request.session_id == SESSION
        self.asked.append(request.group_jid)
        return self.known.get(request.group_jid, self.otherwise)


async def overdue(bed: Bed, jids: list[str]) -> dict[str, str]:
    """Let sends be under way that nobody confirmed in time; return their message ids."""
    bed.campaign_id, attempts = await bed.begin(jids)
    async with bed.engine.begin() as connection:
        await lease.take(connection, "one", MINUTE_MS)
    bed.clock.advance(DEADLINE_MS / 1000)
    return {jid: attempt.message_id for jid, attempt in attempts.items()}


def expiry_of(bed: Bed, memory: Memory, policy: Policy = "hold", holder: str = "one") -> Expiry:
    return Expiry(bed.engine, RULES, memory.look_up, policy, bed.clock.now_ms, holder, 30, 2)


async def settled(bed: Bed, remembered: Remembered, policy: Policy = "hold"):
    """Settle the one overdue send of a bed; return its recipient."""
    [jid] = groups(1)
    await overdue(bed, [jid])
    assert await expiry_of(bed, Memory(remembered), policy).settle() == 1
    return await bed.recipient(bed.campaign_id, jid)


async def test_before_its_deadline_nothing_is_asked(bed: Bed):
    await overdue(bed, groups(1))
    bed.clock.ms -= 1
    memory = Memory()
    assert await expiry_of(bed, memory).settle() == 0
    assert memory.asked == []


async def test_found_with_our_id_is_sent(bed: Bed):
    [jid] = groups(1)
    ids = await overdue(bed, [jid])
    memory = Memory()
    memory.known[jid] = Found(ids[jid], NOON_MS + 4_000)
    await expiry_of(bed, memory).settle()
    recipient = await bed.recipient(bed.campaign_id, jid)
    assert (recipient.status, recipient.attempts[0].sent_at_ms) == ("sent", NOON_MS + 4_000)
    assert (memory.asked, await expiry_of(bed, memory).settle()) == ([jid], 0)
    assert (await bed.campaign(bed.campaign_id)).campaign.status == "completed"


async def test_found_with_an_id_of_nobody_after_our_start_is_sent_under_that_id(bed: Bed):
    recipient = await settled(bed, Found("3EB0VPSOWN", NOON_MS + 4_321))
    assert (recipient.status, recipient.attempts[0].message_id) == ("sent", "3EB0VPSOWN")


async def test_found_with_an_id_of_nobody_that_may_be_the_late_one_of_a_held_message_is_held(bed: Bed):
    [jid] = groups(1)
    await settled(bed, NoLookup())
    held = bed.campaign_id
    await overdue(bed, [jid])
    memory = Memory(Found("3EB0VPSOWN", bed.clock.ms - 1_000))
    assert await expiry_of(bed, memory).settle() == 1
    assert await bed.statuses(held) == await bed.statuses(bed.campaign_id) == ["unconfirmed"]
    [attempt] = (await bed.recipient(bed.campaign_id, jid)).attempts
    assert attempt.held


async def test_found_with_an_id_of_nobody_after_what_is_settled_is_sent_under_that_id(bed: Bed):
    [jid] = groups(1)
    _, attempts = await bed.begin([jid])
    await bed.tell(report(MessageSent, recipient=jid, message_id=attempts[jid].message_id))
    bed.clock.advance(10)
    await overdue(bed, [jid])
    memory = Memory(Found("3EB0VPSOWN", bed.clock.ms - 1_000))
    assert await expiry_of(bed, memory).settle() == 1
    assert await bed.statuses(bed.campaign_id) == ["sent"]


async def test_found_older_than_our_start_is_proof_that_ours_did_not_leave(bed: Bed):
    recipient = await settled(bed, Found("3EB0OLDER", NOON_MS - MINUTE_MS))
    assert (recipient.status, recipient.due_at_ms) == ("queued", NOON_MS + DEADLINE_MS + MINUTE_MS)
    assert recipient.next_number == 2


@pytest.mark.parametrize("remembered", [NotFound(), NoLookup(), Found("3EB0OLDER", NOON_MS - MINUTE_MS)])
async def test_what_is_found_of_an_attempt_that_was_not_taken_after_all_says_nothing_of_the_next(
    bed: Bed, remembered: Remembered
):
    [jid] = groups(1)
    await overdue(bed, [jid])

    async def look_up(_: MessageStatusRequest) -> Remembered:
        refused = RecordNotTaken(bed.clock.ms, 1, "not connected", None, bed.clock.ms)
        async with batch(bed.engine, RULES, bed.clock.ms) as (connection, handling):
            await handling.load(connection, [(bed.campaign_id, jid)])
            handling.tell_recipient((bed.campaign_id, jid), refused, Cause("story"))
        await bed.start(bed.campaign_id, [jid])
        return remembered

    expiry = Expiry(bed.engine, RULES, look_up, "resend", bed.clock.now_ms, "one", 30, 2)
    assert await expiry.settle() == 1
    recipient = await bed.recipient(bed.campaign_id, jid)
    assert (recipient.status, recipient.next_number) == ("processing", 2)


async def test_found_with_the_id_of_another_message_is_held(bed: Bed):
    first, second = groups(2)
    ids = await overdue(bed, [first, second])
    memory = Memory()
    memory.known = {first: Found(ids[second], NOON_MS + 4_000), second: Found(ids[second], NOON_MS + 4_000)}
    await expiry_of(bed, memory).settle()
    assert await bed.statuses(bed.campaign_id) == ["unconfirmed", "sent"]
    assert (await bed.recipient(bed.campaign_id, first)).attempts[0].held


async def test_not_found_is_sent_again_by_backoff(bed: Bed):
    recipient = await settled(bed, NotFound())
    assert (recipient.status, recipient.due_at_ms) == ("queued", NOON_MS + DEADLINE_MS + MINUTE_MS)


WITNESS, UNCERTAIN = groups(2)


async def with_a_witness(bed: Bed, memory: Memory) -> Expiry:
    """Let the session have sent to somebody else before an overdue send is settled; return what settled it."""
    _, attempts = await bed.begin([WITNESS])
    message_id = attempts[WITNESS].message_id
    await bed.tell(report(MessageSent, NOON_MS + 100, recipient=WITNESS, message_id=message_id))
    bed.clock.advance(10)
    await overdue(bed, [UNCERTAIN])
    expiry = expiry_of(bed, memory)
    assert await expiry.settle() == 1
    assert memory.asked == [UNCERTAIN, WITNESS]
    return expiry


async def uncertain(bed: Bed) -> tuple[str, bool]:
    """Return where the overdue send stands, and whether nobody asks about it any more."""
    recipient = await bed.recipient(bed.campaign_id, UNCERTAIN)
    return recipient.status, recipient.attempts[0].held


async def test_not_found_by_a_vps_that_forgot_what_it_sent_before_is_held(bed: Bed):
    await with_a_witness(bed, Memory())
    assert await uncertain(bed) == ("unconfirmed", True)


async def test_not_found_by_a_vps_that_remembers_what_it_sent_before_is_sent_again(bed: Bed):
    await with_a_witness(bed, Memory(**{WITNESS: Found("3EB0ANY", NOON_MS + 100)}))
    assert await uncertain(bed) == ("queued", False)


@pytest.mark.parametrize(
    ("later", "stands"),
    [
        (NotFound(), ("unconfirmed", True)),
        (Found("3EB0ANY", NOON_MS + 100), ("queued", False)),
    ],
)
async def test_not_found_by_a_vps_that_does_not_tell_what_it_sent_before_is_asked_about_again(
    bed: Bed, later: Remembered, stands: tuple[str, bool]
):
    memory = Memory(**{WITNESS: Unreachable("the VPS answered 503")})
    expiry = await with_a_witness(bed, memory)
    assert await uncertain(bed) == ("unconfirmed", False)
    bed.clock.advance(29.9)
    assert await expiry.settle() == 0
    bed.clock.advance(0.1)
    memory.known[WITNESS] = later
    assert await expiry.settle() == 1
    assert memory.asked == [UNCERTAIN, WITNESS] * 2
    assert await uncertain(bed) == stands


async def test_not_found_by_a_vps_that_remembers_what_it_sent_before_by_its_id_alone_is_sent_again(bed: Bed):
    _, attempts = await bed.begin([WITNESS])
    message_id = attempts[WITNESS].message_id
    await bed.tell(report(MessageSent, NOON_MS + 100, recipient=WITNESS, message_id=message_id))
    bed.clock.advance(10)
    await overdue(bed, [UNCERTAIN])
    assert await expiry_of(bed, Memory(**{WITNESS: Found(message_id, None)})).settle() == 1
    assert await uncertain(bed) == ("queued", False)


@pytest.mark.parametrize("said_at_ms", [NOON_MS + 60_000, None], ids=["later", "without a time"])
async def test_a_message_that_left_after_ours_does_not_vouch_for_the_vps_memory(
    bed: Bed, said_at_ms: int | None
):
    await with_a_witness(bed, Memory(**{WITNESS: Found("3EB0LATER", said_at_ms)}))
    assert await uncertain(bed) == ("unconfirmed", True)


async def test_where_one_message_does_not_vouch_an_earlier_one_may(bed: Bed):
    [earlier] = groups(1, 50)
    _, attempts = await bed.begin([earlier])
    told = report(MessageSent, NOON_MS + 100, recipient=earlier, message_id=attempts[earlier].message_id)
    await bed.tell(told)
    bed.clock.advance(5)
    _, attempts = await bed.begin([WITNESS])
    message_id = attempts[WITNESS].message_id
    await bed.tell(report(MessageSent, NOON_MS + 5_100, recipient=WITNESS, message_id=message_id))
    bed.clock.advance(5)
    await overdue(bed, [UNCERTAIN])
    memory = Memory()
    memory.known = {
        WITNESS: Found("3EB0LATER", NOON_MS + 60_000),
        earlier: Found("3EB0ANY", NOON_MS + 100),
    }
    assert await expiry_of(bed, memory).settle() == 1
    assert memory.asked == [UNCERTAIN, WITNESS, earlier]
    assert await uncertain(bed) == ("queued", False)


async def test_not_found_by_a_vps_that_cannot_look_up_what_it_sent_before_is_held(bed: Bed):
    await with_a_witness(bed, Memory(**{WITNESS: NoLookup()}))
    assert await uncertain(bed) == ("unconfirmed", True)


async def test_where_the_vps_cannot_tell_the_message_is_held_and_asked_about_no_more(bed: Bed):
    recipient = await settled(bed, NoLookup())
    assert (recipient.status, recipient.attempts[0].held) == ("unconfirmed", True)
    assert not recipient.attempts[0].in_flight
    assert await expiry_of(bed, Memory()).settle() == 0


async def test_a_held_message_is_settled_by_its_late_callback(bed: Bed):
    recipient = await settled(bed, NoLookup())
    told = report(MessageSent, recipient=groups(1)[0], client_ref=recipient.attempts[0].id)
    await bed.tell(told)
    assert await bed.statuses(bed.campaign_id) == ["sent"]


async def test_by_the_policy_resend_it_is_sent_again_with_the_same_ids(bed: Bed):
    recipient = await settled(bed, NoLookup(), "resend")
    assert recipient.status == "queued"
    again = (await bed.start(bed.campaign_id, groups(1)))[groups(1)[0]]
    first = recipient.attempts[0]
    assert (again.number, again.message_id, again.idempotency_key) == (2, first.message_id, first.id)


async def test_a_vps_that_gives_no_usable_answer_is_asked_again_later(bed: Bed):
    [jid] = groups(1)
    await overdue(bed, [jid])
    memory = Memory(Unreachable("the VPS answered 503"))
    expiry = expiry_of(bed, memory)
    assert await expiry.settle() == 1
    bed.clock.advance(29.9)
    assert await expiry.settle() == 0
    assert await bed.statuses(bed.campaign_id) == ["unconfirmed"]
    bed.clock.advance(0.1)
    memory.otherwise = NotFound()
    assert await expiry.settle() == 1
    assert memory.asked == [jid, jid]
    assert await bed.statuses(bed.campaign_id) == ["queued"]


async def test_only_the_holder_of_a_session_looks_its_messages_up(bed: Bed):
    await overdue(bed, groups(1))
    memory = Memory()
    assert await expiry_of(bed, memory, holder="two").settle() == 0
    assert memory.asked == []


async def test_whoever_takes_a_session_over_looks_its_messages_up(bed: Bed):
    await overdue(bed, groups(1))
    await bed.execute("UPDATE session_leases SET expires_at_ms = 1")
    async with bed.engine.begin() as connection:
        await lease.take(connection, "two", MINUTE_MS)
    memory = Memory()
    assert await expiry_of(bed, memory).settle() == 0
    assert await expiry_of(bed, memory, holder="two").settle() == 1


async def test_it_is_unconfirmed_before_the_vps_is_asked_and_a_callback_meanwhile_stops_the_resend(bed: Bed):
    [jid] = groups(1)
    ids = await overdue(bed, [jid])
    seen = []

    class Talkative(Memory):
        async def look_up(self, request: MessageStatusRequest) -> Remembered:
            seen.extend(await bed.statuses(bed.campaign_id))
            await bed.tell(report(MessageSent, recipient=jid, message_id=ids[jid]))
            return await super().look_up(request)

    await expiry_of(bed, Talkative(), "resend").settle()
    assert seen == ["unconfirmed"]
    assert await bed.statuses(bed.campaign_id) == ["sent"]


async def test_more_than_one_batch_is_settled_batch_by_batch(bed: Bed):
    await overdue(bed, groups(130))
    expiry = expiry_of(bed, Memory())
    assert [await expiry.settle() for _ in range(3)] == [100, 30, 0]
    assert set(await bed.statuses(bed.campaign_id)) == {"queued"}


async def test_a_parked_error_ack_of_a_message_that_left_before_a_move_is_settled_with_the_look_up(bed: Bed):
    moved, other = groups(2)
    await overdue(bed, [moved, other])
    await bed.tell(report(MessageErrored, message_id="3EB0THEIRS", error_code=421, error_message="unwell"))
    await Moving(bed.engine, RULES, bed.clock.now_ms).move(Wish(SESSION, "wa_new", "ann", None))
    memory = Memory()
    memory.known = {moved: Found("3EB0THEIRS", NOON_MS + 4_000), other: Found("3EB0OTHER", NOON_MS + 4_000)}
    assert await expiry_of(bed, memory).settle() == 2
    assert await bed.statuses(bed.campaign_id) == ["queued", "sent"]
