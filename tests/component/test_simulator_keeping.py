"""A simulator that is killed forgets what the VPS forgets; what really left and what the gateway said stays."""

from pathlib import Path

from local_stack.simulator.keeping import (
    ANSWERED,
    LEDGER,
    Denied,
    read_answered,
    read_denied,
    read_ledger,
    read_lives,
)
from support.simulator_bed import GROUP, simulator_bed

ID = "3EB00000000000000000AA"


async def test_the_ledger_and_the_answers_survive_a_new_life_and_the_memory_does_not(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.send(messageId=ID)
        await bed.heard_all()
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        asked = {"sessionId": "wa_x", "groupJid": GROUP}
        assert (await bed.call("POST", "/message-status", asked))[1]["found"] is False
        await bed.send(messageId=ID, message="again")
        await bed.heard_all()
        ledger = await bed.control.ledger()
    assert [(entry.number, entry.message_id) for entry in ledger.items] == [(1, ID), (2, ID)]
    assert read_ledger(tmp_path) == ledger.items
    assert [each.answer for each in read_answered(tmp_path)] == ["202", "202"]
    assert len(read_lives(tmp_path)) == 2


async def test_the_build_of_the_vps_survives_a_new_life(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.control.turn(read_readers=2)
        await bed.control.put_session("wa_x", message_status=False)
        before = await bed.control.knobs()
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        assert await bed.control.knobs() == before
        status, _ = await bed.call("POST", "/message-status", {"sessionId": "wa_x", "groupJid": GROUP})
    assert status == 404


async def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.send(messageId=ID)
        await bed.heard_all()
    for name in (LEDGER, ANSWERED):
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"number":')
    assert len(read_ledger(tmp_path)) == len(read_answered(tmp_path)) == 1


async def test_a_wrong_key_is_kept_as_such(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.control.turn(wrong_key=1.0)
        await bed.send(messageId=ID)
        await bed.heard_all()
    (answered,) = read_answered(tmp_path)
    assert (answered.answer, answered.wrong_key, answered.id) == ("401", True, None)


async def test_a_message_that_was_denied_is_kept_as_such(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        asked = {"sessionId": "wa_x", "groupJid": GROUP}
        await bed.call("POST", "/message-status", asked)
        await bed.send(messageId=ID)
        await bed.heard_all()
        await bed.call("POST", "/message-status", asked)
    (denied,) = read_denied(tmp_path)
    assert denied == Denied(denied.at_ms, "wa_x", GROUP)
    assert denied.at_ms <= read_ledger(tmp_path)[0].sent_at_ms


async def test_a_reset_forgets_what_a_life_before_has_kept(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.send(messageId=ID)
        await bed.heard_all()
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.control.reset()
    assert read_ledger(tmp_path) == read_answered(tmp_path) == []


async def test_a_reset_begins_with_an_empty_ledger(tmp_path: Path) -> None:
    async with simulator_bed(keep_dir=str(tmp_path)) as bed:
        await bed.send(messageId=ID)
        await bed.heard_all()
        await bed.control.reset()
    assert read_ledger(tmp_path) == []
