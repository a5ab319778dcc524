"""Samples of dead messages."""

from base64 import b64encode

from contracts import streams, subjects
from contracts.commands import PauseCampaign
from contracts.dead import CallbackQuarantined, MessageParked
from contracts.delivery import MessageSent
from contracts.generate.samples.sample import Sample, after

SAMPLES = (
    Sample(
        CallbackQuarantined(
            id="cq-9f2d1c4b7a6e58300f1e2d3c4b5a6978",
            time=after(3.2),
            correlation="cq-9f2d1c4b7a6e58300f1e2d3c4b5a6978",
            hook="send-callback",
            reason="Object missing required field `groupJid`",
            body=b64encode(b'{"event":"message_sent","sessionId":"wa_6f1c2b7ad94e"}').decode(),
        )
    ),
    Sample(
        CallbackQuarantined(
            id="cq-03b7a1c95e2f4d6880e1f2a3b4c5d6e7",
            time=after(3.2),
            correlation="cq-03b7a1c95e2f4d6880e1f2a3b4c5d6e7",
            hook="send-callback",
            reason="$.event: unknown word `message_pinned`",
            body=b64encode(b'{"event":"message_pinned","sessionId":"wa_6f1c2b7ad94e"}').decode(),
            kind="unknown",
        ),
        "unknown",
    ),
    Sample(
        MessageParked(
            id="mp-DELIVERIES-4711",
            time=after(3.3),
            correlation="DELIVERIES-4711",
            subject=subjects.of_delivery(MessageSent),
            durable=streams.DISPATCHER_DELIVERIES.name,
            reason="JSON is malformed: invalid character (byte 0)",
            body=b64encode(b"not JSON").decode(),
        )
    ),
    Sample(
        MessageParked(
            id="COMMANDS-17",
            time=after(3.4),
            correlation="COMMANDS-17",
            subject=subjects.of_command(PauseCampaign),
            durable=streams.DISPATCHER_COMMANDS.name,
            reason="delivered 1000 times in vain",
            body=b64encode(b'{"type":"campaign.pause"}').decode(),
            kind="undelivered",
        ),
        "undelivered",
    ),
)
