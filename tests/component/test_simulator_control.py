"""The control API of the simulator, and the program itself."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from local_stack.simulator.client import ControlError, SimulatorClient, StillBusyError
from support.simulator_bed import API_KEY, GROUP, WEBHOOK_KEY, Bed, simulator_bed

OTHER_GROUP = "120363000000000001@g.us"


@pytest_asyncio.fixture
async def bed() -> AsyncIterator[Bed]:
    async with simulator_bed() as made:
        yield made


async def test_a_recipients_knob_beats_its_sessions_which_beats_the_default(bed: Bed) -> None:
    await bed.control.turn(refuse_400=1)
    await bed.control.put_session("wa_y", refuse_400=0, refuse_503=1)
    await bed.control.put_recipients([GROUP], refuse_503=0, refuse_401=1)

    statuses = [
        (await bed.send(recipient, session=session))[0]
        for session, recipient in (("wa_x", OTHER_GROUP), ("wa_y", OTHER_GROUP), ("wa_y", GROUP))
    ]
    assert statuses == [400, 503, 401]


async def test_a_level_that_is_cleared_falls_back_to_the_one_below(bed: Bed) -> None:
    await bed.control.turn(refuse_400=1)
    await bed.control.put_session("wa_x", refuse_400=0, refuse_503=1)
    await bed.control.put_recipients([GROUP], refuse_503=0)
    assert (await bed.send())[0] == 200
    await bed.control.clear_recipients()
    assert (await bed.send())[0] == 503
    await bed.control.put_session("wa_x")
    assert (await bed.send())[0] == 400
    await bed.control.put_defaults()
    assert (await bed.send())[0] == 200


async def test_a_single_recipient_has_a_path_of_its_own(bed: Bed) -> None:
    path = f"/_control/recipients/{GROUP}"
    assert await bed.call("PUT", path, {"fail": 1}) == (200, {"fail": 1.0})
    assert await bed.call("PATCH", path, {"late": 0.5}) == (200, {"fail": 1.0, "late": 0.5})
    assert (await bed.control.knobs()).recipients[GROUP].keys() == {"fail", "late"}
    assert await bed.call("DELETE", path) == (200, {})
    assert (await bed.control.knobs()).recipients == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("PATCH", "/defaults", {"lose_anser": 1}, "lose_anser"),
        ("PUT", "/defaults", {"lose_answer": 1.5}, "$.lose_answer"),
        ("PUT", "/sessions/wa_x", {"timestamps": "hours"}, "$.timestamps"),
        ("PUT", "/recipients", {"recipients": [GROUP], "knobs": {"copies": "two"}}, "$.copies"),
        ("PUT", f"/recipients/{GROUP}", {"readers": [1]}, "$.readers[0]"),
        ("PUT", "/sessions/wa_x/groups", [{"id": GROUP}], "id"),
        ("PUT", "/target", {"url": "http://x"}, "url"),
        ("PUT", "/target", {"webhook_key": "two\nlines"}, "$.webhook_key"),
        ("POST", "/callbacks/send", {"hook": "a hook"}, "$.hook"),
        ("POST", "/sessions/wa_x/state", {}, "status"),
        ("GET", "/ledger?limit=some", None, "limit"),
    ],
)
async def test_a_wrong_control_call_is_refused_and_the_field_named(
    bed: Bed, method: str, path: str, body: object, named: str
) -> None:
    status, answer = await bed.call(method, f"/_control{path}", body)

    assert (status, named in str(answer["error"])) == (400, True)


async def test_the_client_raises_what_the_simulator_refused(bed: Bed) -> None:
    with pytest.raises(ControlError, match="lose_anser"):
        await bed.control.turn(lose_anser=1)


async def test_the_client_says_when_the_simulator_does_not_come_to_rest(bed: Bed) -> None:
    await bed.control.turn(callback_min_ms=600_000, callback_max_ms=600_000)
    await bed.send()

    with pytest.raises(StillBusyError, match="queued_callbacks=1"):
        await bed.control.wait_until_idle(within_s=0.05)


async def test_the_ledger_is_read_by_recipient_by_session_and_in_pages(bed: Bed) -> None:
    await bed.send(GROUP, session="wa_x")
    await bed.send(OTHER_GROUP, session="wa_x")
    await bed.send(OTHER_GROUP, session="wa_y", message="something else")

    assert (await bed.control.ledger(recipient=OTHER_GROUP)).sent == 2
    assert (await bed.control.ledger(session_id="wa_x")).per_recipient == {GROUP: 1, OTHER_GROUP: 1}
    first = await bed.control.ledger(limit=2)
    rest = await bed.control.ledger(after=first.next or 0, limit=2)
    assert (first.sent, first.distinct_recipients, first.sent_twice) == (3, 2, [])
    assert [entry.number for entry in (*first.items, *rest.items)] == [1, 2, 3]
    assert rest.next is None


async def test_any_callback_can_be_sent_to_any_hook_with_any_key(bed: Bed) -> None:
    body = {"event": "join", "sessionId": "wa_x", "groupJid": GROUP, "participant": {"phone": "91"}}
    assert (await bed.control.send_callback("membership", body)).answer == "202"
    assert (await bed.control.send_callback("membership", body, key="wrong")).answer == "401"

    assert [(each.hook, each.key) for each in bed.gateway.heard] == [
        ("membership", WEBHOOK_KEY),
        ("membership", "wrong"),
    ]
    assert bed.gateway.heard[0].body == body


async def test_a_callback_that_is_no_json_can_be_sent_too(bed: Bed) -> None:
    said = await bed.control.send_callback("send-callback", raw='{"event":', content_type="text/plain")

    assert said.answer == "400"


async def test_a_reset_begins_again_but_remembers_the_gateway(bed: Bed) -> None:
    await bed.control.turn(fail=1)
    await bed.control.put_session("wa_x", reject=1)
    await bed.control.put_recipients([GROUP], reject=1)
    await bed.send()
    await bed.control.reset()

    report = await bed.control.knobs()
    assert (report.defaults.fail, report.sessions, report.recipients) == (0, {}, {})
    assert (await bed.control.requests()).send == {}
    await bed.send()
    assert len(await bed.heard_all()) == 1


async def test_message_ids_are_new_after_a_reset(bed: Bed) -> None:
    await bed.send()
    first = (await bed.control.ledger()).items[0].message_id
    await bed.control.reset()
    await bed.send()

    assert (await bed.control.ledger()).items[0].message_id != first


async def test_the_program_says_ready_obeys_its_options_and_stops() -> None:
    options = ["--api-key", API_KEY, "--seed", "5", "--refuse-503", "1", "--no-echo-client-ref"]
    options += ["--readers", "919811111111", "--readers", "919822222222"]
    program = await _start(options, {"VPS_SIM_RETRY_AFTER_S": "9"})
    assert program.stdout is not None
    try:
        async with asyncio.timeout(30):
            word, ready = (await program.stdout.readline()).decode().split(" ", 1)
        assert word == "READY"
        started = msgspec.json.decode(ready)
        assert started["seed"] == 5
        async with SimulatorClient(started["url"], API_KEY) as control:
            knobs = (await control.knobs()).defaults
        assert (knobs.refuse_503, knobs.retry_after_s, knobs.echo_client_ref) == (1, 9, False)
        assert knobs.readers == ("919811111111", "919822222222")
    finally:
        program.send_signal(signal.SIGTERM)
        assert await program.wait() == 0


async def test_the_program_refuses_a_bad_knob_and_names_it() -> None:
    program = await _start(["--late", "1.5"], {})
    _, said = await program.communicate()

    assert program.returncode == 2
    assert b"late" in said


async def _start(options: list[str], environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local_stack.simulator",
        *options,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
