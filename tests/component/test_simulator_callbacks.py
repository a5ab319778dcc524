"""Which callbacks follow a message, in which order, how often, with which key: every way of going wrong."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
import pytest
import pytest_asyncio

from local_stack.simulator.groups import Group
from support.simulator_bed import GROUP, WEBHOOK_KEY, Bed, simulator_bed


@pytest_asyncio.fixture
async def bed() -> AsyncIterator[Bed]:
    async with simulator_bed() as made:
        await made.control.turn(callback_min_ms=0, callback_max_ms=0, error_delay_ms=1)
        yield made


@pytest.mark.parametrize(
    ("knobs", "events", "sent", "refused"),
    [
        ({}, ["message_sent"], 1, 0),
        ({"late": 1, "late_ms": 30}, ["message_sent"], 1, 0),
        ({"queue_min_ms": 5, "queue_max_ms": 20}, ["message_sent"], 1, 0),
        ({"duplicate": 1, "copies": 3}, ["message_sent"] * 3, 1, 0),
        ({"drop_callback": 1}, [], 1, 0),
        ({"silent": True, "delivered_readers": 2}, [], 1, 0),
        ({"swallow": 1}, [], 0, 0),
        ({"fail": 1}, ["message_failed"], 0, 0),
        ({"error_ack": 1}, ["message_sent", "message_error"], 1, 1),
        ({"error_ack": 1, "error_first": 1}, ["message_error", "message_sent"], 1, 1),
        ({"error_ack": 1, "reorder": 1, "reorder_ms": 5}, ["message_error", "message_sent"], 1, 1),
        ({"community_parent": True}, ["message_sent", "message_error"], 1, 1),
        ({"restricted": True}, ["message_sent", "message_error"], 1, 1),
        ({"synchronous": True, "error_ack": 1}, ["message_error"], 1, 1),
        ({"fail": 1, "swallow": 1}, [], 0, 0),
    ],
)
async def test_the_callbacks_of_a_message(
    bed: Bed, knobs: dict[str, float], events: list[str], sent: int, refused: int
) -> None:
    await bed.control.turn(**knobs)
    await bed.send()

    await bed.heard_all()
    ledger = await bed.control.ledger()
    assert bed.gateway.events == events
    assert (ledger.sent, ledger.refused) == (sent, refused)
    assert (await bed.call("GET", "/status/wa_x"))[1]["status"] == "connected"


async def test_a_failure_tells_its_error_and_no_message_id(bed: Bed) -> None:
    await bed.control.turn(fail=1, fail_error="Timed Out")
    await bed.send()

    [heard] = await bed.heard_all()
    assert (heard.hook, heard.body["error"], heard.body["messageId"]) == ("send-callback", "Timed Out", None)
    assert heard.body["status"] == "failed"


async def test_a_failure_of_the_first_attempt_lets_the_retry_succeed(bed: Bed) -> None:
    await bed.control.put_recipients([GROUP], fail=1, only_first=1)
    await bed.send()
    await bed.heard_all()
    await bed.send()

    await bed.heard_all()
    assert bed.gateway.events == ["message_failed", "message_sent"]


@pytest.mark.parametrize(
    ("knobs", "code", "text"),
    [
        ({"error_ack": 1, "error_code": 479, "error_message": "stale"}, 479, "stale"),
        ({"community_parent": True}, 420, "Rate limit / community parent rejection"),
        ({"restricted": True}, 463, "Account restricted"),
    ],
)
async def test_an_error_ack_tells_code_and_text_and_no_timestamp(
    bed: Bed, knobs: dict[str, float | str], code: int, text: str
) -> None:
    await bed.control.put_session("wa_x", **knobs)
    await bed.send(messageId="3EB0DDDDDDDDDDDDDDDDDD", clientRef="ref-1")

    ack = (await bed.heard_all())[-1]
    assert ack.hook == "message-error"
    assert ack.body == {
        "event": "message_error",
        "sessionId": "wa_x",
        "messageId": "3EB0DDDDDDDDDDDDDDDDDD",
        "errorCode": code,
        "errorMessage": text,
        "groupJid": GROUP,
        "clientRef": "ref-1",
    }


async def test_a_group_that_the_vps_lists_as_a_community_parent_is_refused_with_420(bed: Bed) -> None:
    await bed.control.set_groups("wa_x", [Group(jid=GROUP, is_community=True)])
    await bed.send()

    assert (await bed.heard_all())[-1].body["errorCode"] == 420


async def test_a_callback_with_a_wrong_key_is_refused_and_does_not_come_again(bed: Bed) -> None:
    await bed.control.turn(wrong_key=1)
    await bed.send()

    [heard] = await bed.heard_all()
    assert heard.key != WEBHOOK_KEY
    report = await bed.control.callbacks()
    assert (report.counts, report.answers) == ({"refused": 1}, {"401": 1})
    assert report.items[0].wrong_key


async def test_an_early_callback_is_heard_before_the_answer_to_send(bed: Bed) -> None:
    await bed.control.turn(early=1, callback_min_ms=5_000, callback_max_ms=5_000)
    await bed.send()

    assert bed.gateway.events == ["message_sent"]


async def test_a_burst_is_held_until_it_is_released(bed: Bed) -> None:
    await bed.control.turn(hold=1)
    for at in range(3):
        await bed.send(f"1203630000000000{at}@g.us")
    assert (await bed.heard_all(), (await bed.control.idle()).held_callbacks) == ([], 3)

    assert await bed.control.release_burst() == 3
    assert len(await bed.heard_all()) == 3


async def test_a_burst_is_released_by_itself_when_it_is_large_enough(bed: Bed) -> None:
    await bed.control.turn(hold=1, burst_size=2)
    for at in range(3):
        await bed.send(f"1203630000000000{at}@g.us")

    assert len(await bed.heard_all()) == 2
    assert (await bed.control.idle()).held_callbacks == 1


@pytest.mark.parametrize("trouble", [503, 429, 500])
async def test_a_callback_comes_again_until_the_gateway_takes_it(bed: Bed, trouble: int) -> None:
    bed.gateway.answers.extend([trouble, trouble])
    await bed.send()

    assert len(await bed.heard_all()) == 3
    report = await bed.control.callbacks()
    assert report.counts == {"retried": 2, "delivered": 1}
    assert [item.attempt for item in report.items] == [1, 2, 3]


async def test_a_callback_is_given_up_after_its_last_try() -> None:
    async with simulator_bed(callback_tries=2) as bed:
        await bed.control.aim("http://127.0.0.1:1", WEBHOOK_KEY)
        await bed.send()

        assert await bed.heard_all() == []
        report = await bed.control.callbacks()
        assert report.counts == {"retried": 1, "given_up": 1}
        assert report.answers == {"no_connection": 2}


async def test_without_a_gateway_callbacks_are_counted_and_forgotten() -> None:
    async with simulator_bed(aimed=False) as bed:
        await bed.send()

        assert (await bed.control.callbacks()).counts == {"unaddressed": 1}


async def test_the_gateway_may_become_known_later() -> None:
    async with simulator_bed(aimed=False) as bed, simulator_bed() as other:
        gateway_url = (await other.call("GET", "/_control/target"))[1]["gateway_url"]
        await bed.control.aim(str(gateway_url), WEBHOOK_KEY)
        await bed.send()

        await bed.control.wait_until_idle(within_s=10)
        assert other.gateway.events == ["message_sent"]


@pytest.mark.parametrize(
    ("style", "send_hook", "receipt_hook"),
    [("native", int, str), ("ms", int, int), ("iso", str, str), ("none", None, None), ("s", int, int)],
)
async def test_timestamps_come_in_every_style(
    bed: Bed, style: str, send_hook: type | None, receipt_hook: type | None
) -> None:
    await bed.control.turn(timestamps=style, delivered_readers=1)
    await bed.send()

    sent, delivered = (each.body.get("timestamp") for each in await bed.heard_all())
    assert [None if stamp is None else type(stamp) for stamp in (sent, delivered)] == [
        send_hook,
        receipt_hook,
    ]
    if style in ("s", "ms"):
        assert (sent > 1e11) == (style == "ms")
    if style == "iso":
        assert datetime.fromisoformat(str(sent)).utcoffset() is not None


async def test_message_status_knows_the_last_message_until_a_restart(bed: Bed) -> None:
    asked = {"sessionId": "wa_x", "groupJid": GROUP}
    assert await bed.call("POST", "/message-status", asked) == (200, {"success": True, "found": False})
    await bed.send(messageId="3EB0111111111111111111")
    await bed.send(messageId="3EB0222222222222222222")

    status, answer = await bed.call("POST", "/message-status", asked)
    assert isinstance(answer.pop("timestamp"), int)
    known = {"success": True, "found": True, "messageId": "3EB0222222222222222222", "status": "sent"}
    assert (status, answer) == (200, known)

    await bed.control.restart()
    assert (await bed.call("POST", "/message-status", asked))[1]["found"] is False


async def test_message_status_knows_nothing_of_what_was_never_written(bed: Bed) -> None:
    await bed.control.turn(swallow=1)
    await bed.send()

    asked = {"sessionId": "wa_x", "groupJid": GROUP}
    assert (await bed.call("POST", "/message-status", asked))[1]["found"] is False


async def test_a_build_without_message_status_answers_404(bed: Bed) -> None:
    await bed.control.turn(message_status=False)

    assert (await bed.call("POST", "/message-status", {"sessionId": "wa_x", "groupJid": GROUP}))[0] == 404


async def test_a_restart_loses_queued_messages_callbacks_and_idempotency_keys(bed: Bed) -> None:
    await bed.control.put_recipients(["1203-1@g.us"], queue_min_ms=600_000, queue_max_ms=600_000)
    await bed.control.turn(callback_min_ms=600_000, callback_max_ms=600_000)
    await bed.send("1203-1@g.us")
    await bed.send(key="k-1")
    idle = await bed.control.idle()
    assert (idle.unwritten_messages, idle.queued_callbacks) == (1, 1)

    assert await bed.control.restart() == 1
    assert await bed.heard_all() == []
    assert (await bed.control.ledger()).per_recipient == {GROUP: 1}
    await bed.send(key="k-1")
    assert (await bed.control.ledger()).sent == 2


async def test_a_restart_may_keep_the_callbacks(bed: Bed) -> None:
    await bed.control.turn(callback_min_ms=100, callback_max_ms=100)
    await bed.send()

    assert await bed.control.restart(drop_callbacks=False) == 0
    assert len(await bed.heard_all()) == 1


async def test_a_message_whose_session_goes_while_it_is_queued_fails(bed: Bed) -> None:
    await bed.control.turn(queue_min_ms=1_000, queue_max_ms=1_000)
    await bed.send()
    await bed.control.set_state("wa_x", "disconnected", tell=False)

    await bed.heard_all()
    assert bed.gateway.events == ["message_failed"]
    assert (await bed.control.ledger()).sent == 0


async def test_chances_fall_the_same_way_for_the_same_seed_and_another_way_for_another() -> None:
    async def outcome(seed: int) -> list[int]:
        async with simulator_bed(seed=seed, aimed=False) as bed:
            await bed.control.turn(reject=0.2, refuse_503=0.3, fail=0.2)
            recipients = [f"12036300000000{at:02d}@g.us" for at in range(40)]
            statuses = [(await bed.send(recipient))[0] for recipient in recipients]
            return [*statuses, (await bed.control.ledger()).sent]

    first = await outcome(1)
    assert first == await outcome(1) != await outcome(2)
    assert {200, 503} == set(first[:-1])


async def test_each_callback_is_kept_with_its_answer(bed: Bed) -> None:
    await bed.send()

    [heard] = await bed.heard_all()
    [item] = (await bed.control.callbacks()).items
    assert (item.hook, item.answer, item.wrong_key, item.attempt) == ("send-callback", "202", False, 1)
    assert msgspec.json.decode(item.body) == heard.body


async def test_only_the_latest_callbacks_are_kept_but_all_are_counted() -> None:
    async with simulator_bed(callbacks_kept=2) as bed:
        for _ in range(5):
            await bed.send()
        await bed.heard_all()

        report = await bed.control.callbacks()
        assert (len(report.items), report.counts["delivered"]) == (2, 5)
        assert len((await bed.control.callbacks(limit=1)).items) == 1
