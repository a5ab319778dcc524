"""Two tenants: no route of the API tells one anything of the other, or lets one touch what is the other's.

Every route of the OpenAPI document is walked with the other tenant's key. A new route needs a line in `CASES`: without
one the first test fails.
"""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from contracts.dead import CallbackQuarantined
from local_stack.simulator.groups import Group
from support.api import Answer, Api
from support.eventually import eventually
from support.system import System

SETTINGS = {"LOG_LEVEL": "WARNING"}

METHODS = {"get", "post", "put", "patch", "delete"}
MARK = "for-acme-alone"
"""Stands in every text that acme writes; nothing that the other tenant reads may hold it."""


class Case(msgspec.Struct, frozen=True):
    """How the other tenant calls a route, with acme's ids in its path (see `Acme.ids`).

    `status`: what it gets. `own`: what acme itself gets for the same, so that a case cannot pass by being malformed;
    None where acme's own call would change what the other cases need. `empty`: the list has no items.
    """

    status: int = 404
    body: Any = None
    query: dict[str, str] = {}
    own: int | None = 200
    empty: bool = False


HIDDEN = Case()
OPEN = Case(200)
"""Tells nothing of any tenant."""
NONE_OF_THEIRS = Case(200, empty=True)
"""A list, in which the other tenant has nothing at all."""
ACME_S_RECIPIENT = {"group_jid": "120363000000000042@g.us"}

CASES = {
    "GET /api/attention": NONE_OF_THEIRS,
    "POST /api/attention/{item_id}/{action}": HIDDEN,
    "GET /api/dead": NONE_OF_THEIRS,
    "GET /api/dead/{letter_id}": HIDDEN,
    "POST /api/dead/redrive": Case(body={"filter": {"campaign": "{campaign_id}"}, "dry_run": True}, own=202),
    "GET /api/quarantine": NONE_OF_THEIRS,
    "GET /api/quarantine/{thing_id}": HIDDEN,
    "POST /api/quarantine/redrive": Case(202, body={"filter": {}}, own=202),
    "GET /api/campaigns": NONE_OF_THEIRS,
    "POST /api/campaigns": Case(
        body={"session_id": "{session_id}", "message": "hi", "recipients": [ACME_S_RECIPIENT]}, own=None
    ),
    "GET /api/campaigns/{campaign_id}": HIDDEN,
    "GET /api/campaigns/{campaign_id}/recipients": HIDDEN,
    "GET /api/campaigns/{campaign_id}/recipients/{recipient}": HIDDEN,
    "GET /api/campaigns/{campaign_id}/recipients/{recipient}/history": HIDDEN,
    "GET /api/campaigns/{campaign_id}/recipients/{recipient}/why": HIDDEN,
    "POST /api/campaigns/{campaign_id}/pause": Case(own=409),
    "POST /api/campaigns/{campaign_id}/resume": Case(own=409),
    "POST /api/campaigns/{campaign_id}/cancel": Case(own=409),
    "POST /api/campaigns/{campaign_id}/retry": Case(own=202),
    "POST /api/campaigns/{campaign_id}/verify": Case(own=202),
    "POST /api/campaigns/{campaign_id}/confirm": Case(body={"outcome": "failed"}, own=202),
    "GET /api/sessions": NONE_OF_THEIRS,
    "POST /api/sessions/verify": NONE_OF_THEIRS,
    "GET /api/sessions/{session_id}": HIDDEN,
    "POST /api/sessions/{session_id}/verify": HIDDEN,
    "POST /api/sessions/{session_id}/connect": HIDDEN,
    "POST /api/sessions/{session_id}/disconnect": Case(own=None),
    "POST /api/sessions/{session_id}/pause": HIDDEN,
    "POST /api/sessions/{session_id}/resume": HIDDEN,
    "PUT /api/sessions/{session_id}/settings": Case(body={"daily_cap": 5}),
    "POST /api/sessions/{session_id}/groups/sync": HIDDEN,
    "POST /api/sessions/{old}/move-to/{new}": Case(own=None),
    "GET /api/groups": Case(200, query={"session_id": "{session_id}"}, empty=True),
    "GET /api/keys": OPEN,
    "POST /api/keys": Case(201, body={"label": "theirs"}, own=None),
    "POST /api/keys/{key_id}/retire": Case(body={"force": True}, own=None),
    "GET /api/whatsapp/history": OPEN,
    "GET /api/whatsapp/metrics": OPEN,
    "GET /metrics": OPEN,
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
}


OF_THE_PROCESS = {"GET /health/live", "GET /health/ready", "GET /metrics"}
"""Routes that tell how the process fares, and want no key."""


class Acme(msgspec.Struct, frozen=True):
    """What acme has, by the names of the paths' parameters."""

    ids: dict[str, str]

    def filled(self, text: str) -> str:
        """Put acme's ids in their places."""
        for name, known in self.ids.items():
            text = text.replace(f"{{{name}}}", known)
        return text

    async def call(self, api: Api, route: str) -> Answer:
        """Call a route as its case says."""
        case, (method, path) = CASES[route], route.split(" ", 1)
        body = self.filled(msgspec.json.encode(case.body).decode()).encode() if case.body else None
        query = {name: self.filled(text) for name, text in case.query.items()}
        return await api.call(method, self.filled(path), body, **query)


@pytest_asyncio.fixture(scope="module")
async def acme(system: System) -> Acme:
    """A tenant that has one of everything, and has sent a message that failed."""
    session_id, [jid, other_jid] = system.new_session(), system.new_groups(2)
    await system.vps.set_groups(session_id, [Group(jid=jid, name=MARK, is_admin=True)])
    await system.vps.put_recipients([other_jid], reject=1.0)
    recipients = [{"group_jid": jid, "lead_id": MARK}, {"group_jid": other_jid}]
    broadcast_id = await system.api.create(session_id, [], message=MARK, recipients=recipients)
    await system.api.until_outcome(broadcast_id, "partial", 1, 1)
    assert (await system.api.call("POST", f"/api/sessions/{session_id}/groups/sync")).status == 200
    key = (await system.api.call("POST", "/api/keys", {"label": MARK})).json
    [letter] = (await system.api.call("GET", "/api/dead")).json["items"]
    ids = {
        "campaign_id": broadcast_id,
        "recipient": jid,
        "session_id": session_id,
        "old": session_id,
        "new": system.new_session(),
        "key_id": str(key["key_id"]),
        "letter_id": letter["id"],
        "item_id": f"message-{letter['id']}",
        "thing_id": await in_quarantine(system),
        "action": "dismiss",
    }
    return Acme(ids)


async def in_quarantine(system: System) -> str:
    """Let something of acme's be in quarantine."""
    parked = CallbackQuarantined(
        id=f"cq-{MARK}",
        time=datetime.now(UTC),
        tenant="acme",
        correlation=MARK,
        hook="send-callback",
        reason=MARK,
        body=b64encode(MARK.encode()).decode(),
    )
    await system.bus.publish("wa.dead.callback.quarantined", msgspec.json.encode(parked))

    async def listed() -> str:
        things = (await system.api.call("GET", "/api/quarantine")).json["items"]
        return str(things[0]["id"]) if things else ""

    return await eventually(listed)


async def routes_of(system: System) -> set[str]:
    document = (await system.api.call("GET", "/schema/openapi.json")).json
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


async def test_every_route_has_a_case_and_every_case_a_route(system: System) -> None:
    assert await routes_of(system) == set(CASES)


@pytest.mark.parametrize("route", CASES)
async def test_another_tenants_key_gets_nothing(system: System, acme: Acme, route: str) -> None:
    answer, told = await acme.call(system.other_api, route), f"{route}: "
    assert answer.status == CASES[route].status, told + str(answer)
    text = answer.body.decode()
    assert [known for known in (MARK, *acme.ids.values()) if known in text] == [], told + text
    if CASES[route].empty:
        assert answer.json["items"] == [], told + text


async def test_what_the_other_tenant_wished_changed_nothing(system: System, acme: Acme) -> None:
    before = await system.truth.fetch(
        "SELECT (SELECT count(*) FROM events WHERE tenant = 'acme'), count(*) FROM api_keys"
    )
    for route in CASES:
        if route != "POST /api/keys":
            await acme.call(system.other_api, route)
    after = await system.truth.fetch(
        "SELECT (SELECT count(*) FROM events WHERE tenant = 'acme'), count(*) FROM api_keys"
    )
    assert before == after


@pytest.mark.parametrize("route", [route for route, case in CASES.items() if case.own])
async def test_the_same_call_works_for_its_owner(system: System, acme: Acme, route: str) -> None:
    """A case that is refused because it is malformed would prove nothing."""
    answer = await acme.call(system.api, route)
    assert answer.status == CASES[route].own, answer


async def test_no_route_that_is_not_about_the_process_answers_without_a_key(
    system: System, acme: Acme
) -> None:
    stranger = Api(system.http, system.api.url, "")
    for route in CASES:
        expected = 200 if route in OF_THE_PROCESS else 401
        assert (await acme.call(stranger, route)).status == expected, route


async def test_a_published_event_names_the_tenant_whose_it_is(system: System, acme: Acme) -> None:
    await system.truth.until_relayed()
    rows = await system.truth.fetch(
        "SELECT DISTINCT tenant FROM events WHERE stream LIKE '%' || $1 || '%'", acme.ids["campaign_id"]
    )
    assert [tenant for (tenant,) in rows] == ["acme"]
