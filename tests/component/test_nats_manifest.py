"""The Kubernetes manifest of NATS: its configuration is the one that the services need, seen on a real server."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest
import pytest_asyncio
import yaml

from contracts.streams import GATEWAY_INBOX, GATEWAY_PUBLISHES, STREAMS
from dispatcher import broker
from local_stack.children import Child
from local_stack.nats_server import JetStreamState
from local_stack.ports import LOOPBACK, ports_of
from local_stack.probes import fetch
from local_stack.programs import nats_program
from support.eventually import eventually

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes" / "nats.yaml"
GIB = 1 << 30
PASSWORDS = {"DISPATCHER_PASSWORD": "x0ddba11", "GATEWAY_PASSWORD": "xca11bac"}


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """The objects of the manifest, by their kinds."""
    return {part["kind"]: part for part in yaml.safe_load_all(MANIFEST.read_text())}


@pytest.fixture(scope="module")
def config(parts: dict[str, Any]) -> str:
    text: str = parts["ConfigMap"]["data"]["nats.conf"]
    return text


@pytest.fixture(scope="module")
def container(parts: dict[str, Any]) -> dict[str, Any]:
    [only] = parts["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest_asyncio.fixture
async def running(config: str, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Give the addresses for clients and of the monitor of a server that runs with the configuration."""
    ports = ports_of(os.environ)
    client, monitor = f"{LOOPBACK}:{ports.next_port()}", f"{LOOPBACK}:{ports.next_port()}"
    for pod, here in (("0.0.0.0:4222", client), ("0.0.0.0:8222", monitor), ("/data", str(tmp_path / "data"))):
        assert config.count(pod) == 1
        config = config.replace(pod, here)
    path = tmp_path / "nats.conf"
    path.write_text(config)
    environment = {**os.environ, **PASSWORDS, "POD_NAME": "nats-0"}
    child = Child("nats", [str(nats_program()), "-c", str(path)], tmp_path / "log", environment=environment)
    child.start()

    def is_ready() -> bool:
        answer = fetch(f"http://{monitor}/healthz")
        return answer is not None and answer.status == 200

    try:
        await asyncio.to_thread(child.wait_until, is_ready, 30)
        yield client, f"http://{monitor}"
    finally:
        child.stop()


async def test_what_is_acknowledged_is_on_the_disk_and_the_dispatcher_can_set_up_all_it_needs(
    running: tuple[str, str],
) -> None:
    client_at, monitor = running
    answer = fetch(f"{monitor}/jsz?config=true")
    assert answer is not None
    assert msgspec.json.decode(answer.body, type=JetStreamState).config.sync_always
    client = await nats.connect(f"nats://dispatcher:{PASSWORDS['DISPATCHER_PASSWORD']}@{client_at}")
    await broker.set_up(client.jetstream())
    found = {stream.config.name for stream in await client.jetstream().streams_info()}
    assert found == {stream.name for stream in STREAMS}
    await client.close()


async def test_the_gateway_may_do_what_the_contract_says_and_nothing_else(
    running: tuple[str, str], config: str
) -> None:
    client_at, _ = running
    [publish], [subscribe] = (
        re.findall(r"publish: (\[.*\])", config),
        re.findall(r"subscribe: (\[.*\])", config),
    )
    assert tuple(msgspec.json.decode(publish)) == GATEWAY_PUBLISHES
    assert msgspec.json.decode(subscribe) == [f"{GATEWAY_INBOX}.>"]
    denied: list[str] = []

    async def note(fault: Exception) -> None:
        denied.append(str(fault).lower())

    client = await nats.connect(
        f"nats://gateway:{PASSWORDS['GATEWAY_PASSWORD']}@{client_at}",
        error_cb=note,
        inbox_prefix=GATEWAY_INBOX,
    )
    await client.subscribe("wa.event.>")
    await client.publish("wa.command.campaign.create", b"{}")
    await eventually(lambda: len(denied) == 2)
    assert all("permissions violation" in each for each in denied)
    await client.close()


def test_the_streams_fit_into_the_store_and_the_store_into_the_volume(
    parts: dict[str, Any], config: str
) -> None:
    [store] = re.findall(r"max_file: (\d+)GB", config)
    [claim] = parts["StatefulSet"]["spec"]["volumeClaimTemplates"]
    volume = claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")
    assert sum(stream.max_bytes for stream in STREAMS) < int(store) * GIB < int(volume) * GIB


def test_the_parts_of_the_manifest_name_each_other_rightly(
    parts: dict[str, Any], container: dict[str, Any]
) -> None:
    pod = parts["StatefulSet"]["spec"]["template"]
    [volume] = pod["spec"]["volumes"]
    [claim] = parts["StatefulSet"]["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"]: "/etc/nats", claim["metadata"]["name"]: "/data"}
    assert volume["configMap"]["name"] == parts["ConfigMap"]["metadata"]["name"]
    assert parts["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert (
        parts["StatefulSet"]["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    )
    assert parts["StatefulSet"]["spec"]["serviceName"] == parts["Service"]["metadata"]["name"]
    assert {variable["name"] for variable in container["env"]} == {*PASSWORDS, "POD_NAME", "GOMEMLIMIT"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {port["name"]: port["port"] for port in parts["Service"]["spec"]["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports


def test_the_server_collects_its_garbage_before_the_memory_limit_kills_it(container: dict[str, Any]) -> None:
    [soft] = (each["value"] for each in container["env"] if each["name"] == "GOMEMLIMIT")
    hard = container["resources"]["limits"]["memory"]
    assert int(soft.removesuffix("MiB")) < 0.9 * 1024 * int(hard.removesuffix("Gi"))
