"""What is in quarantine is sent again once, as it was; and two reports of one identity cannot both be right."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from contracts import delivery
from contracts.streams import REDRIVEN_FROM
from dispatcher.broker import Outgoing
from dispatcher.processes.redrive_quarantine import RedriveQuarantine
from dispatcher.quarantine import redriving
from dispatcher.quarantine.kept import Kept, Kind, keep
from dispatcher.quarantine.lines import Selection
from dispatcher.quarantine.redriving import Redriven, Wish, redrive_named, redrive_selected
from support.dispatching import NOON_MS, RULES, SESSION, TENANT, Bed, groups, report

SENT = "wa.delivery.message.sent"
BODY = b'{"type":"message.sent", and no more'


def thing(identity: str, kind: Kind = Kind.UNREADABLE, source: str = SENT, **fields: Any) -> Kept:
    whole = {"tenant": TENANT, "reason": "why", "body": BODY, "at_ms": NOON_MS, **fields}
    return Kept(identity, kind=kind, source=source, **whole)


async def keep_all(bed: Bed, *things: Kept) -> None:
    async with bed.engine.begin() as connection:
        await keep(connection, things)


async def redrive(bed: Bed, *ids: str, tenant: str = TENANT, dry_run: bool = False) -> Redriven:
    wish = Wish(tenant, "ann", "mended", dry_run)
    return await redrive_named(bed.engine, RULES, wish, ids, bed.clock.ms)


class Broker:
    """Takes what is published, unless it is away."""

    def __init__(self) -> None:
        self.published: list[Outgoing] = []
        self.away = False

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if self.away:
            raise ConnectionError
        self.published += messages


async def test_a_redrive_publishes_the_body_as_it_was_once_and_records_who_and_why(bed: Bed):
    await keep_all(bed, thing("DELIVERIES-7"))
    broker = Broker()
    process = RedriveQuarantine(bed.engine, broker.publish)
    assert await redrive(bed, "DELIVERIES-7") == Redriven(1, 0, [])
    assert await redrive(bed, "DELIVERIES-7") == Redriven(0, 1, [])
    assert (await process.publish_part(), await process.publish_part()) == (1, 0)
    assert broker.published == [Outgoing(SENT, BODY, "redrive-DELIVERIES-7", {REDRIVEN_FROM: "DELIVERIES-7"})]
    assert await redrive(bed, "DELIVERIES-7") == Redriven(0, 1, [])
    assert await process.publish_part() == 0
    events = await bed.fetch("SELECT stream, type, tenant, data->>'by', data->>'why' FROM events")
    assert events == [("quarantine-DELIVERIES-7", "quarantine.redriven", TENANT, "ann", "mended")]


async def test_what_could_not_be_published_is_published_later_under_the_same_id(bed: Bed):
    await keep_all(bed, thing("DELIVERIES-7"))
    broker = Broker()
    process = RedriveQuarantine(bed.engine, broker.publish)
    await redrive(bed, "DELIVERIES-7")
    broker.away = True
    with pytest.raises(ConnectionError):
        await process.publish_part()
    broker.away = False
    assert await process.publish_part() == 1
    assert [message.id for message in broker.published] == ["redrive-DELIVERIES-7"]


@pytest.mark.parametrize(
    ("kept", "code"),
    [
        (thing("x", Kind.INVALID, "send-callback"), "NEEDS_THE_GATEWAY"),
        (thing("x", Kind.UNKNOWN, "reaction"), "NEEDS_THE_GATEWAY"),
        (thing("x", Kind.CONFLICT), "CONFLICT"),
        (thing("x", source="wa.dead.message.parked"), "NOT_CONSUMED"),
        (thing("x", tenant="default"), "NOT_YOURS"),
        (thing("x", tenant="other"), "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_sent_again_says_why(bed: Bed, kept: Kept, code: str):
    await keep_all(bed, kept)
    done = await redrive(bed, "x")
    assert (done.redriven, [refused.code for refused in done.refused]) == (0, [code])
    assert await bed.count("quarantine_redrives") == await bed.count("events") == 0


async def test_a_line_without_a_whole_body_is_not_sent_again(bed: Bed):
    await keep_all(bed, thing("x"))
    await bed.execute("UPDATE quarantine SET body = NULL")
    assert [refused.code for refused in (await redrive(bed, "x")).refused] == ["BODY_NOT_KEPT"]


async def test_a_dry_run_records_nothing(bed: Bed):
    await keep_all(bed, thing("x"))
    assert await redrive(bed, "x", dry_run=True) == Redriven(1, 0, [])
    assert await bed.count("quarantine_redrives") == await bed.count("events") == 0


async def test_a_selection_sends_again_what_is_the_tenants_and_was_not_yet(bed: Bed):
    await keep_all(
        bed,
        thing("a"),
        thing("b", Kind.UNDELIVERED, at_ms=NOON_MS + 1),
        thing("late", at_ms=NOON_MS + 10),
        thing("theirs", tenant="other"),
        thing("nobodys", tenant="default"),
    )
    await redrive(bed, "a")
    wish = Wish(TENANT, "ann")
    done = await redrive_selected(bed.engine, RULES, wish, Selection(until_ms=NOON_MS + 5), bed.clock.ms)
    assert done == Redriven(1, 0, [])
    assert sorted(await bed.fetch("SELECT id FROM quarantine_redrives")) == [("a",), ("b",)]


async def test_what_cannot_be_sent_again_does_not_stand_before_what_can(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redriving, "AT_ONCE", 2)
    await keep_all(
        bed,
        *(thing(f"raw{number}", Kind.INVALID, "send-callback") for number in range(3)),
        *(thing(f"sound{number}", at_ms=NOON_MS + 1 + number) for number in range(3)),
    )

    async def all_of_it(*, dry_run: bool = False) -> tuple[int, list[str], bool]:
        wish = Wish(TENANT, "ann", dry_run=dry_run)
        done = await redrive_selected(bed.engine, RULES, wish, Selection(), bed.clock.ms)
        return done.redriven, [refused.id for refused in done.refused], done.more

    assert await all_of_it(dry_run=True) == (2, [], True)
    assert await all_of_it() == (2, [], True)
    assert await all_of_it() == (1, ["raw0"], False)
    assert await all_of_it() == (0, ["raw0", "raw1"], False), "no repeat would send more"


async def conflicts(bed: Bed) -> list[tuple[Any, ...]]:
    return await bed.fetch("SELECT kind, source, about, tenant FROM quarantine ORDER BY id")


def with_id(of: delivery.Report, other: delivery.Report) -> delivery.Report:
    """Return a report that bears the identity of another one."""
    return msgspec.structs.replace(other, id=of.id)


async def test_a_second_error_ack_of_one_identity_that_says_otherwise_is_kept_and_changes_nothing(bed: Bed):
    [jid] = groups(1)
    campaign_id, started = await bed.begin([jid])
    named = {"message_id": started[jid].message_id, "error_code": 420, "recipient": jid}
    first = report(delivery.MessageErrored, **named, error_message="rejected")
    other = with_id(
        first, report(delivery.MessageErrored, NOON_MS + 5, **named, error_message="something else")
    )
    await bed.tell(first)
    before = await bed.recipient(campaign_id, jid)
    await bed.tell(first, other, other)
    assert await bed.recipient(campaign_id, jid) == before
    assert await conflicts(bed) == [("conflict", "wa.delivery.message.errored", first.id, "default")]


async def test_a_second_failure_of_one_identity_that_says_otherwise_is_kept(bed: Bed):
    [jid] = groups(1)
    await bed.begin([jid])
    first = report(delivery.MessageFailed, recipient=jid, error="Connection Closed")
    other = with_id(first, report(delivery.MessageFailed, recipient=jid, error="Timed Out"))
    await bed.tell(first)
    await bed.tell(other, first)
    assert [kind for kind, *_ in await conflicts(bed)] == ["conflict"]


async def test_a_parked_report_that_another_of_its_identity_denies_stays_and_the_other_is_kept(bed: Bed):
    first = report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="rejected")
    later = msgspec.structs.replace(first, error_message="something else")
    third = msgspec.structs.replace(first, error_message="a third thing")
    await bed.tell(first, later)
    await bed.tell(third)
    await bed.tell(first)
    assert [about for _, _, about, _ in await conflicts(bed)] == [first.id] * 2
    [(kept,)] = await bed.fetch("SELECT body->>'error_message' FROM parked_reports")
    assert kept == "rejected"


async def test_the_same_report_of_another_session_time_or_reference_is_no_contradiction(bed: Bed):
    first = report(delivery.MessageErrored, message_id="3EB0A", error_code=420, error_message="rejected")
    told = {"session_id": f"{SESSION}_2", "at": first.at.replace(year=2027), "client_ref": "x"}
    await bed.tell(first)
    await bed.tell(msgspec.structs.replace(first, **told), first)
    assert await conflicts(bed) == []
