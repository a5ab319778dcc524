"""The example for subscribers in contracts/README.md, run as it stands there."""

import re

import msgspec
import nats
from nats.js.api import StreamConfig

from contracts import streams, subjects
from contracts.generate.catalogue import KINDS
from contracts.generate.samples import SAMPLES
from local_stack.fault.beside import beside
from support.contract import CONTRACTS
from support.eventually import eventually

EVENTS = [sample.message for sample in SAMPLES if type(sample.message) in KINDS[2].types]


def load_follow():
    (example,) = re.findall(r"```python\n(.*?)```", (CONTRACTS / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(example, "contracts/README.md", "exec"), names)
    return names["follow"]


async def publish(url: str) -> None:
    """Publish each event twice: a repeat beyond the broker's window bears no `Nats-Msg-Id` that it remembers."""
    async with await nats.connect(url) as client:
        jetstream = client.jetstream()
        await jetstream.add_stream(StreamConfig(name=streams.EVENTS.name, subjects=[streams.EVENTS.subject]))
        for event in EVENTS:
            token = getattr(event, "broadcast_id", None) or event.session_id
            subject = subjects.of_event(event, token)
            for _ in range(2):
                await jetstream.publish(subject, msgspec.json.encode(event))


async def test_the_example_hands_over_each_event_once_and_in_order(nats_url):
    await publish(nats_url)
    handled: list[str] = []

    async def handle(event: dict) -> None:
        handled.append(event["id"])

    async with beside(load_follow()(nats_url, "readme", handle)):
        await eventually(lambda: len(handled) >= len(EVENTS))
    assert handled == [event.id for event in EVENTS]
