"""Sessions and groups of the simulated VPS: their states, their words, their shapes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local_stack.simulator.groups import Group
from support.simulator_bed import GROUP, Bed, simulator_bed


@pytest_asyncio.fixture
async def bed() -> AsyncIterator[Bed]:
    async with simulator_bed() as made:
        yield made


async def test_a_session_that_nobody_set_up_is_connected(bed: Bed) -> None:
    status, answer = await bed.call("GET", "/status/wa_new")

    assert (status, answer["sessionId"], answer["status"]) == (200, "wa_new", "connected")
    assert str(answer["phoneNumber"]).isdigit()


@pytest.mark.parametrize("word", ["connecting", "qr", "disconnected", "hibernating"])
async def test_a_session_that_is_not_connected_takes_no_message(bed: Bed, word: str) -> None:
    await bed.control.set_state("wa_x", word)

    assert await bed.send() == (503, {"error": "Session not connected"})
    answer = (await bed.call("GET", "/status/wa_x"))[1]
    assert (answer["status"], answer["phoneNumber"], "qr" in answer) == (word, None, word == "qr")
    [heard] = await bed.heard_all()
    assert (heard.hook, heard.body["sessionId"], heard.body["status"]) == ("session-status", "wa_x", word)
    assert (await bed.control.requests()).send == {"not_connected": 1}


async def test_only_a_change_of_state_is_told(bed: Bed) -> None:
    await bed.control.set_state("wa_x", "qr")
    await bed.control.set_state("wa_x", "qr")
    await bed.control.set_state("wa_x", "disconnected", tell=False)

    assert [each.body["status"] for each in await bed.heard_all()] == ["qr"]


async def test_a_silent_session_tells_nothing_while_its_status_says_connected(bed: Bed) -> None:
    await bed.control.put_session("wa_x", silent=True)
    await bed.send()
    await bed.send(session="wa_y")
    await bed.call("POST", "/connect", {"sessionId": "wa_x"})

    assert [each.body["sessionId"] for each in await bed.heard_all()] == ["wa_y"]
    assert (await bed.call("GET", "/status/wa_x"))[1]["status"] == "connected"
    assert (await bed.control.ledger(session_id="wa_x")).sent == 1


@pytest.mark.parametrize(("missing_status", "status"), [("404", 404), ("disconnected", 200)])
async def test_a_missing_session_is_404_or_disconnected(bed: Bed, missing_status: str, status: int) -> None:
    await bed.control.turn(unknown_sessions="missing", missing_status=missing_status)

    answered, body = await bed.call("GET", "/status/wa_x")
    assert (answered, body.get("status")) == (status, "disconnected" if status == 200 else None)
    assert (await bed.send())[0] == 503


async def test_disconnecting_and_connecting_are_told(bed: Bed) -> None:
    assert (await bed.call("POST", "/disconnect/wa_x"))[0] == 200
    assert (await bed.send())[0] == 503
    assert (await bed.call("POST", "/connect", {"sessionId": "wa_x"}))[0] == 200
    assert (await bed.send())[0] == 200

    told = [each.body["status"] for each in await bed.heard_all() if each.hook == "session-status"]
    assert sorted(map(str, told)) == ["connected", "disconnected"]


async def test_a_session_may_come_back_under_a_new_id(bed: Bed) -> None:
    await bed.control.turn(new_session_id=True)
    await bed.send()
    await bed.call("POST", "/disconnect/wa_x")
    new_id = (await bed.call("POST", "/connect", {"sessionId": "wa_x"}))[1]["sessionId"]

    assert new_id == "wa_x-r1"
    assert (await bed.call("GET", "/status/wa_x"))[0] == 404
    assert (await bed.send())[0] == 503
    assert (await bed.send(session=str(new_id)))[0] == 200
    assert (await bed.call("POST", "/connect", {"sessionId": "wa_x-r1"}))[1]["sessionId"] == "wa_x-r2"


@pytest.mark.parametrize(
    ("knobs", "shape"),
    [
        ({}, {"id": GROUP, "name": "Parents", "participants": 2}),
        ({"groups_id": "jid"}, {"jid": GROUP, "name": "Parents", "participants": 2}),
        ({"groups_id": "groupId"}, {"groupId": GROUP, "name": "Parents", "participants": 2}),
        ({"groups_name": "subject"}, {"id": GROUP, "subject": "Parents", "participants": 2}),
        ({"groups_participants": "size"}, {"id": GROUP, "name": "Parents", "size": 2}),
        (
            {"groups_participants": "participantsCount"},
            {"id": GROUP, "name": "Parents", "participantsCount": 2},
        ),
        (
            {"groups_participants": "array"},
            {
                "id": GROUP,
                "name": "Parents",
                "participants": [
                    {"id": "910000000000@s.whatsapp.net", "admin": None},
                    {"id": "910000000001@s.whatsapp.net", "admin": None},
                ],
            },
        ),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
async def test_groups_come_in_every_shape(
    bed: Bed, knobs: dict[str, str], shape: dict[str, object], wrapped: bool
) -> None:
    await bed.control.turn(groups_wrapped=wrapped, **knobs)
    await bed.control.set_groups("wa_x", [Group(jid=GROUP, name="Parents", participants=2, is_admin=True)])

    status, answer = await bed.call("GET", "/groups/wa_x")
    flags = {"isAdmin": True, "isCommunity": False, "isCommunityAnnounce": False}
    listed = [shape | flags]
    assert (status, answer) == (200, {"groups": listed} if wrapped else listed)


async def test_shapes_may_be_mixed_within_one_list(bed: Bed) -> None:
    await bed.control.turn(groups_id="mixed", groups_name="mixed", groups_participants="mixed")
    await bed.control.set_groups("wa_x", [Group(jid=f"1203-{at}@g.us") for at in range(4)])

    listed = (await bed.call("GET", "/groups/wa_x"))[1]["groups"]
    assert isinstance(listed, list)
    assert [next(iter(each)) for each in listed] == ["id", "jid", "groupId", "id"]
    assert ["subject" in each for each in listed] == [False, True, False, True]
    assert ["size" in each for each in listed] == [False, False, False, True]


@pytest.mark.parametrize(("query", "there"), [("", False), ("?includeInviteLinks=true", True)])
async def test_invite_links_are_listed_when_asked_for(bed: Bed, query: str, there: bool) -> None:
    await bed.control.set_groups("wa_x", [Group(jid=GROUP, invite_link="https://chat.whatsapp.com/x")])

    [listed] = (await bed.call("GET", f"/groups/wa_x{query}"))[1]["groups"]
    assert ("inviteLink" in listed) is there
