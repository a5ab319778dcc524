"""The gateway's NATS user: it may publish delivery reports and quarantined callbacks, and read nothing."""

import asyncio
from pathlib import Path

import nats
from nats.aio.client import Client

from contracts.dead import CallbackQuarantined
from contracts.delivery import MessageSent
from contracts.streams import COMMANDS, DEAD, DELIVERIES, EVENTS, GATEWAY_INBOX, STREAMS
from contracts.subjects import of_dead, of_delivery
from support.eventually import eventually
from support.gateway import make_stream, running_gateway, stored

CALLBACK = {"event": "read", "sessionId": "wa_x", "messageId": "m1", "groupJid": "1203@g.us"}

FORBIDDEN_TO_PUBLISH = [
    "wa.command.campaign.create",
    "wa.event.campaign.started.x",
    "wa.dead.message.parked",
    "wa",
    "anything.else",
    "_INBOX.somebody.else",
    f"$JS.API.STREAM.INFO.{EVENTS.name}",
    f"$JS.API.STREAM.MSG.GET.{DELIVERIES.name}",
    f"$JS.API.STREAM.PURGE.{DELIVERIES.name}",
    f"$JS.API.STREAM.DELETE.{DELIVERIES.name}",
    f"$JS.API.STREAM.UPDATE.{DELIVERIES.name}",
    f"$JS.API.DIRECT.GET.{DELIVERIES.name}",
    f"$JS.API.CONSUMER.CREATE.{DELIVERIES.name}.x",
    f"$JS.API.CONSUMER.MSG.NEXT.{DELIVERIES.name}.dispatcher-deliveries",
    f"$JS.ACK.{DELIVERIES.name}.dispatcher-deliveries.1.1.1.1.1",
    "$SYS.REQ.SERVER.PING",
]
FORBIDDEN_TO_HEAR = [">", "wa.>", "wa.delivery.>", "wa.event.>", "wa.dead.>", "_INBOX.>", "$JS.>", "$SYS.>"]


class Attempt:
    """A client with the gateway's user, and the denials that it was told."""

    client: Client

    def __init__(self) -> None:
        self.denied: list[str] = []

    async def note(self, fault: Exception) -> None:
        self.denied.append(str(fault).lower())

    async def connect(self, url: str) -> "Attempt":
        self.client = await nats.connect(url, error_cb=self.note, inbox_prefix=GATEWAY_INBOX)
        return self

    async def until_denied(self, word: str, subject: str) -> None:
        await eventually(
            lambda: any(
                "permissions violation" in each and f'{word} "{subject.lower()}"' in each
                for each in self.denied
            )
        )


async def test_the_gateways_user_may_publish_nothing_else_and_hear_nothing(start_nats):
    server = start_nats()
    for stream in STREAMS:
        await make_stream(server.url, stream)
    attempt = await Attempt().connect(server.gateway_url)
    try:
        for subject in (of_delivery(MessageSent), of_dead(CallbackQuarantined)):
            assert (await attempt.client.jetstream().publish(subject, b"{}")).seq == 1
        for subject in FORBIDDEN_TO_PUBLISH:
            await attempt.client.publish(subject, b"{}")
            await attempt.until_denied("publish to", subject)
        for subject in FORBIDDEN_TO_HEAR:
            await attempt.client.subscribe(subject)
            await attempt.until_denied("subscription to", subject)
    finally:
        await attempt.client.close()
    for stream, count in ((DELIVERIES, 1), (DEAD, 1), (COMMANDS, 0), (EVENTS, 0)):
        assert len(await stored(server.url, stream)) == count


async def test_the_gateway_does_all_its_work_as_that_user(tmp_path: Path, start_nats):
    server = start_nats()
    for stream in (DELIVERIES, DEAD):
        await make_stream(server.url, stream)
    async with running_gateway(
        tmp_path, server.gateway_url, SPOOL_AFTER_S="20", PUBLISH_TIMEOUT_S="60"
    ) as gateway:
        await eventually(gateway.has_broker)
        assert (await gateway.post("read-receipt", CALLBACK)).json["status"] == "accepted"
        assert (await gateway.post("read-receipt", b"{")).status == 400
        answers = await asyncio.gather(
            *(gateway.post("read-receipt", CALLBACK | {"messageId": f"b{number}"}) for number in range(300))
        )
        assert {answer.json["status"] for answer in answers} == {"accepted"}
        assert "gateway_batches_stored_total 0\n" not in (await gateway.get("/metrics")).text
        assert "gateway_spool_kept_total 0\n" in (await gateway.get("/metrics")).text
    assert len(await stored(server.url, DELIVERIES)) == 301
    assert len(await stored(server.url, DEAD)) == 1


async def test_nobody_connects_without_a_user(start_nats):
    server = start_nats()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await writer.wait_closed()
    assert b"Authorization Violation" in answer
    assert b"PONG" not in answer
