"""Campaigns to the groups of a session, chosen from its synced directory."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from contracts import subjects
from contracts.commands import CampaignSpec, CreateCampaign, GroupChoice
from contracts.events import CampaignCommandAccepted, CampaignCommandRejected
from local_stack.simulator.groups import Group
from support.api import Answer
from support.eventually import eventually
from support.operating import operate
from support.system import System

SETTINGS = {"VERIFY_S": "5"}


async def with_directory(system: System) -> tuple[str, dict[str, str]]:
    """Return a synced session, and its groups by what is special about them."""
    session_id = system.new_session()
    kinds = ("team", "other", "gone", "refused", "news", "own_news", "parent")
    jids = dict(zip(kinds, system.new_groups(len(kinds)), strict=True))
    listed = [
        Group(jid=jids["team"], name="Team"),
        Group(jid=jids["other"], name="Other"),
        Group(jid=jids["refused"], name="Refused"),
        Group(jid=jids["news"], name="News", is_community_announce=True),
        Group(jid=jids["own_news"], name="Our news", is_community_announce=True, is_admin=True),
        Group(jid=jids["parent"], name="Parent", is_community=True),
    ]
    for groups in ([*listed, Group(jid=jids["gone"], name="Gone")], listed):
        await system.vps.set_groups(session_id, groups)
        synced = await system.api.call("POST", f"/api/sessions/{session_id}/groups/sync")
        assert synced.status == 200, synced
    await system.vps.put_recipients([jids["refused"]], error_ack=1.0)
    broadcast_id = await system.api.create(session_id, [jids["refused"]])
    await system.api.until_outcome(broadcast_id, "failed", 0, 1)
    return session_id, jids


async def create(system: System, session_id: str, groups: object, **fields: Any) -> Answer:
    body = {"session_id": session_id, "message": "Hello {{name}}", "groups": groups, **fields}
    return await system.api.call("POST", "/api/campaigns", body)


async def test_all_groups_that_take_messages_get_it_and_the_others_are_counted(system: System) -> None:
    session_id, jids = await with_directory(system)
    answer = await create(system, session_id, {"session_id": session_id, "all": True})
    assert answer.status == 202, answer
    assert answer.json["groups"] == {
        "chosen": 3,
        "gone": 1,
        "refused": 1,
        "not_admin": 1,
        "community_parents": 1,
        "unknown": 0,
    }
    assert answer.json["queued_count"] == 3
    campaign = await system.api.until_finished(answer.json["broadcast_id"])
    assert campaign.outcome == ("completed", 3, 0)
    texts = {
        entry.recipient: entry.text for entry in (await system.ledger(session_id)).items if not entry.refused
    }
    names = {"team": "Team", "other": "Other", "own_news": "Our news"}
    assert texts == {jids[kind]: f"Hello {name}" for kind, name in names.items()}
    assert (await create(system, session_id, {"all": True})).json["idempotent"]


async def test_a_key_names_its_campaign_to_all_groups_though_another_group_was_synced_since(
    system: System,
) -> None:
    session_id, [known, new] = system.new_session(), system.new_groups(2)
    answers = []
    for listed in ([known], [known, new]):
        await system.vps.set_groups(session_id, [Group(jid=jid, name="Team") for jid in listed])
        await system.api.call("POST", f"/api/sessions/{session_id}/groups/sync")
        answers.append(await create(system, session_id, {"all": True}, idempotency_key=f"all-{session_id}"))
    first, again = answers
    assert (again.status, again.json["idempotent"]) == (202, True), again
    assert (again.json["broadcast_id"], again.json["total_recipients"]) == (first.json["broadcast_id"], 1)
    other = await create(system, session_id, {"group_jids": [new]}, idempotency_key=f"all-{session_id}")
    assert (other.status, other.json["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_named_groups_are_taken_beside_recipients_and_what_is_unknown_is_counted(
    system: System,
) -> None:
    session_id, jids = await with_directory(system)
    named = [jids["team"], jids["news"], jids["parent"], "120363999999999999@g.us"]
    recipients = [{"phone": "+972501234567", "name": "Ada"}, {"group_jid": jids["team"], "name": "T"}]
    answer = await create(system, session_id, {"group_jids": named}, recipients=recipients)
    told = {name: count for name, count in answer.json["groups"].items() if count}
    assert told == {"chosen": 1, "not_admin": 1, "community_parents": 1, "unknown": 1}
    assert [item.get("phone") or item["group_jid"] for item in answer.json["items"]] == [
        "+972501234567",
        jids["team"],
    ]
    [left_out] = answer.json["invalid_recipients"]
    assert left_out["reason"] == "duplicate"


@pytest.mark.parametrize(
    ("groups", "code", "field"),
    [
        ({"all": True}, "GROUPS_NOT_SYNCED", "groups"),
        ({"group_jids": ["120363000000000009@g.us"]}, "GROUPS_NOT_SYNCED", "groups"),
        ({}, "INVALID_REQUEST", "groups.all"),
        ({"all": True, "group_jids": ["120363000000000009@g.us"]}, "INVALID_REQUEST", "groups.all"),
        ({"all": True, "session_id": "wa_somebodys"}, "INVALID_REQUEST", "groups.session_id"),
        ({"all": "yes"}, "INVALID_REQUEST", "groups.all"),
    ],
)
async def test_what_cannot_be_chosen_is_refused_with_what_to_do(
    system: System, groups: object, code: str, field: str
) -> None:
    answer = await create(system, system.new_session(), groups)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, code, field)
    if code == "GROUPS_NOT_SYNCED":
        assert "/groups/sync" in answer.json["detail"]


async def test_where_no_group_takes_messages_the_answer_says_why(system: System) -> None:
    session_id, jids = await with_directory(system)
    answer = await create(system, session_id, {"group_jids": [jids["news"], jids["gone"]]})
    assert (answer.status, answer.json["code"]) == (400, "NO_VALID_RECIPIENTS")
    assert answer.json["detail"] == "none of the groups can be sent to: 1 gone, 1 not_admin"


async def test_another_tenant_does_not_see_the_directory(system: System) -> None:
    session_id, _ = await with_directory(system)
    body = {"session_id": session_id, "message": "hi", "groups": {"all": True}}
    answer = await system.other_api.call("POST", "/api/campaigns", body)
    assert (answer.status, answer.json["code"]) == (400, "GROUPS_NOT_SYNCED")


async def test_a_command_over_nats_chooses_groups_too_or_is_rejected(system: System) -> None:
    session_id, _ = await with_directory(system)
    for session, outcome in ((session_id, ("completed", 3, 0)), (system.new_session(), None)):
        spec = CampaignSpec(session, "hi", [], groups=GroupChoice(all=True))
        identity = str(uuid4())
        wish = CreateCampaign(
            id=identity,
            time=datetime.now(UTC),
            tenant="acme",
            correlation=identity,
            broadcast_id=identity,
            campaign=spec,
        )
        await system.bus.publish(
            subjects.of_command(wish), msgspec.json.encode(wish), headers={"Nats-Msg-Id": wish.id}
        )

        async def answered(at: str = identity) -> CampaignCommandAccepted | CampaignCommandRejected | None:
            told = await system.bus.events(at)
            return next(
                (one for one in told if isinstance(one, CampaignCommandAccepted | CampaignCommandRejected)),
                None,
            )

        answer = await eventually(answered)
        if outcome:
            assert (await system.api.until_finished(identity)).outcome == outcome
        else:
            assert isinstance(answer, CampaignCommandRejected)
            assert answer.code == "GROUPS_NOT_SYNCED"


async def test_the_command_line_chooses_groups_and_says_which_were_left_out(system: System) -> None:
    session_id, jids = await with_directory(system)
    said = ("campaign", "create", "--session", session_id, "--message", "Hello {{name}}")
    done = await operate(system, *said, "--group", jids["team"], "--group", jids["gone"])
    assert (done.facts["queued"], done.facts["groups: chosen"], done.facts["groups: gone"]) == ("1", "1", "1")
    everyone = await operate(system, *said, "--all-groups")
    assert everyone.facts["queued"] == "3"
    both = await operate(system, *said, "--all-groups", "--group", jids["team"], expect=2)
    assert "not both" in both.errors
