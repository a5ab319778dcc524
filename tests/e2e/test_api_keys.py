"""Keys of the API as an operator makes and retires them, by HTTP and at the command line; none leaves a trace."""

from typing import Any

from support.api import Answer, Api
from support.eventually import eventually
from support.operating import operate
from support.system import API_KEY, OTHER_API_KEY, System

SETTINGS = {"LOG_LEVEL": "DEBUG"}


def with_key(system: System, key: str) -> Api:
    return Api(system.http, system.api.url, key)


async def make(system: System, label: str = "billing", **fields: str) -> dict[str, Any]:
    answer = await system.api.call("POST", "/api/keys", {"label": label, **fields})
    assert answer.status == 201, answer
    return dict(answer.json)


async def listed(api: Api, **query: str) -> dict[str, dict[str, Any]]:
    answer = await api.call("GET", "/api/keys", **query)
    assert answer.status == 200, answer
    return {item["key_id"]: item for item in answer.json["items"]}


async def status_of(system: System, key: str) -> int:
    return (await with_key(system, key).call("GET", "/api/campaigns")).status


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


async def test_several_keys_live_at_once_and_a_retired_one_opens_nothing_at_once(system: System) -> None:
    old, new = await make(system, by="ada"), await make(system)
    assert [await status_of(system, key["key"]) for key in (old, new)] == [200, 200]
    retired = await with_key(system, new["key"]).call(
        "POST", f"/api/keys/{old['key_id']}/retire", {"by": "ben"}
    )
    assert (retired.status, retired.json["live"], retired.json["retired_by"]) == (200, False, "ben")
    assert [await status_of(system, key["key"]) for key in (old, new)] == [401, 200]
    live, gone = await listed(system.api), await listed(system.api, retired="true")
    assert (old["key_id"] in live, new["key_id"] in live, old["key_id"] in gone) == (False, True, True)

    async def uses() -> bool:
        """They are counted in memory, and written now and then: a list may come between the two."""
        live, gone = await listed(system.api), await listed(system.api, retired="true")
        assert (live[new["key_id"]]["uses"], gone[old["key_id"]]["uses"]) == (3, 1)
        return True

    await eventually(uses)
    assert live[new["key_id"]]["last_used_at"] is not None
    assert (gone[old["key_id"]]["created_by"], live[new["key_id"]]["created_by"]) == ("ada", "acme")


async def test_a_key_is_shown_once_and_may_not_be_stored(system: System) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with system.http.post(f"{system.api.url}/api/keys", json={"label": "x"}, headers=headers) as answer:
        assert "no-store" in answer.headers["Cache-Control"]
        key = (await answer.json())["key"]
    assert key not in (await system.api.call("GET", "/api/keys")).body.decode()


async def test_the_key_of_the_request_goes_only_by_force_and_one_of_the_setting_never(
    system: System,
) -> None:
    made = await make(system)
    itself, place = with_key(system, made["key"]), f"/api/keys/{made['key_id']}/retire"
    assert code_of(await itself.call("POST", place)) == (409, "API_KEY_IN_USE")
    assert (await itself.call("POST", place, {"force": True})).status == 200
    assert await status_of(system, made["key"]) == 401
    [of_setting] = [key for key in (await listed(system.api)).values() if key["source"] == "setting"]
    assert (of_setting["current"], of_setting["label"]) == (True, "API_KEYS")
    refused = await system.api.call("POST", f"/api/keys/{of_setting['key_id']}/retire", {"force": True})
    assert code_of(refused) == (409, "API_KEY_OF_SETTING")


async def test_a_key_opens_its_own_tenant_alone(system: System) -> None:
    made = await make(system)
    broadcast_id = await system.other_api.create(system.new_session(), system.new_groups(1))
    found = await with_key(system, made["key"]).call("GET", f"/api/campaigns/{broadcast_id}")
    assert found.status == 404
    assert made["key_id"] not in await listed(system.other_api)
    refused = await system.other_api.call("POST", f"/api/keys/{made['key_id']}/retire", {"force": True})
    assert code_of(refused) == (404, "NOT_FOUND")


async def test_a_label_is_needed_and_holds_no_control_characters(system: System) -> None:
    for body in ({}, {"label": ""}, {"label": "a\x00b"}, {"label": "x" * 101}, {"label": "x", "by": "\n"}):
        answer = await system.api.call("POST", "/api/keys", body)
        assert code_of(answer) == (400, "INVALID_REQUEST"), body


async def test_an_operator_makes_lists_and_retires_keys_at_the_command_line(system: System) -> None:
    made = await operate(system, "key", "add", "night shift", "--by", "ada")
    assert made.facts["created by"] == "ada"
    key, key_id = made.facts["key"], made.facts["key id"]
    assert "not shown again" in made.errors
    used = await operate(system, "key", "list", API_KEY=key)
    assert next(line for line in used.lines if line[0] == key_id)[-3:] == ["in", "use", "here"]
    await operate(system, "key", "retire", key_id, "--yes", expect=4, API_KEY=key)
    await operate(system, "key", "retire", key_id, "--yes", expect=3, API_KEY=OTHER_API_KEY)
    await operate(system, "key", "retire", key_id, expect=2)
    retired = await operate(system, "key", "retire", key_id, "--yes", "--by", "ben")
    assert retired.facts["retired by"] == "ben"
    await operate(system, "key", "list", expect=1, API_KEY=key)
    gone = await operate(system, "key", "list", "--retired", "--json")
    assert key_id in [item["key_id"] for item in gone.json["items"]]


async def test_no_key_stands_in_a_log_a_table_an_event_or_an_error(system: System) -> None:
    made = await make(system, "leaky")
    itself = with_key(system, made["key"])
    answers = [
        await itself.call("POST", "/api/keys", b"{"),
        await itself.call("GET", "/api/keys/nothing"),
        await itself.call("POST", f"/api/keys/{made['key_id']}/retire"),
        await with_key(system, made["key"] + "x").call("GET", "/api/keys"),
    ]
    await itself.create(system.new_session(), system.new_groups(1))
    await system.api.call("POST", f"/api/keys/{made['key_id']}/retire")
    answers += [await itself.call("GET", "/api/keys"), await system.api.call("GET", "/api/keys")]
    tables = await system.truth.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [
        str(row[0])
        for (table,) in tables
        for row in await system.truth.fetch(f'SELECT t::text FROM "{table}" t')
    ]
    assert any("leaky" in row for row in rows)
    places = {
        "answers": "".join(answer.body.decode() for answer in answers),
        "database": "".join(rows),
        **{name: child.log_path.read_text(errors="replace") for name, child in system.children.items()},
    }
    secret = made["key"].removeprefix("wadk_")
    assert [name for name, text in places.items() if secret in text or API_KEY in text] == []
