"""What nobody could read is mirrored, once, whatever it holds."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest

from contracts.dead import CallbackQuarantined, MessageParked
from dispatcher.api.quarantine_views import details_of
from dispatcher.consumers import quarantine
from dispatcher.consumers.quarantine import Quarantine
from dispatcher.quarantine.kept import BEGINNING
from dispatcher.quarantine.lines import named
from dispatcher.translate import to_time
from support.dispatching import NOON_MS, Bed


def quarantined(identity: str = "cq-1", body: bytes = b"{", **fields: Any) -> CallbackQuarantined:
    whole = {"hook": "send-callback", "reason": "not JSON", "body": b64encode(body).decode(), **fields}
    return CallbackQuarantined(id=identity, time=to_time(NOON_MS), correlation=identity, **whole)


async def kept(bed: Bed, *messages: CallbackQuarantined | MessageParked) -> list[tuple[Any, ...]]:
    heard = [quarantine.decode(msgspec.json.encode(message)) for message in messages]
    await Quarantine(bed.engine).handle(heard)
    return await bed.fetch("SELECT id, tenant, source, reason, beginning, at_ms FROM quarantine ORDER BY id")


async def test_dead_messages_of_both_kinds_are_kept_once(bed: Bed):
    parked = MessageParked(
        id="COMMANDS-7",
        time=to_time(NOON_MS),
        correlation="COMMANDS-7",
        subject="wa.command.campaign.pause",
        durable="dispatcher-commands",
        reason="no such type",
        body=b64encode(b"[]").decode(),
    )
    lines = await kept(bed, quarantined(tenant="acme"), parked, quarantined(tenant="acme"))
    assert lines == [
        ("COMMANDS-7", "default", "wa.command.campaign.pause", "no such type", "[]", NOON_MS),
        ("cq-1", "acme", "send-callback", "not JSON", "{", NOON_MS),
    ]
    assert await kept(bed, parked) == lines


async def test_of_what_no_dead_message_can_hold_no_body_is_kept_and_its_reason_says_where_it_lies(bed: Bed):
    parked = MessageParked(
        id="COMMANDS-7",
        time=to_time(NOON_MS),
        correlation="COMMANDS-7",
        subject="wa.command.campaign.pause",
        durable="dispatcher-commands",
        reason="no such type; it lies as message 7",
        body="",
    )
    [line] = await kept(bed, parked)
    assert line[3:5] == ("no such type; it lies as message 7", "")
    assert await bed.fetch("SELECT body FROM quarantine") == [(None,)]
    async with bed.engine.connect() as connection:
        line = (await named(connection, "default", ["COMMANDS-7"]))["COMMANDS-7"]
    shown = details_of(line, "default", None)
    assert (shown.body, shown.text, shown.size, shown.redrivable) == (None, None, None, False)
    assert "the NATS stream that its reason names" in (shown.obstacle or "")


@pytest.mark.parametrize(
    ("body", "beginning"),
    [
        (b"\xff\x00\xfe", "\ufffd\ufffd\ufffd"),
        (b"x" * 300_000, "x" * BEGINNING),
        ("\N{PILE OF POO}".encode() * 5_000, "\N{PILE OF POO}" * BEGINNING),
    ],
)
async def test_whatever_a_body_holds_its_beginning_is_kept(bed: Bed, body: bytes, beginning: str):
    [line] = await kept(bed, quarantined(body=body))
    assert line[4] == beginning


async def test_a_body_that_is_not_base64_is_kept_as_it_is(bed: Bed):
    [line] = await kept(bed, msgspec.structs.replace(quarantined(), body="abc"))
    assert line[4] == "abc"
