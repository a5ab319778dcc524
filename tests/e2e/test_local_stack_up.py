"""`make up`: the whole system as one program, in a folder that only its owner may enter."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest_asyncio

from local_stack.probes import is_ready
from local_stack.stack_file import read_stack_file
from support.eventually import eventually

START_SECONDS = 90


class RunningStack:
    """One `local-stack up`."""

    def __init__(self, folder):
        self.folder = folder
        self.data_dir = folder / ".local"
        self.process = None

    async def start(self):
        self.process = await self.launch()
        await eventually(
            lambda: self.content() or self.process.returncode is not None, within_s=START_SECONDS
        )
        if self.process.returncode is not None:
            _, errors = await self.process.communicate()
            raise AssertionError(errors.decode())
        return self.content()

    async def launch(self):
        output = asyncio.subprocess.PIPE
        arguments = ["-m", "local_stack", "up"]
        return await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=self.folder, stdout=asyncio.subprocess.DEVNULL, stderr=output
        )

    def content(self):
        return read_stack_file(self.data_dir)

    async def end(self, signal_number):
        if self.process.returncode is None:
            self.process.send_signal(signal_number)
        if self.process.stderr.at_eof():
            return self.process.returncode, b""
        _, errors = await self.process.communicate()
        return self.process.returncode, errors


@pytest_asyncio.fixture
async def stack(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    running = RunningStack(folder)
    yield running
    await running.end(signal.SIGTERM)


async def test_it_writes_where_all_is_refuses_a_second_one_and_stops_all_when_asked(stack):
    content = await stack.start()
    assert set(content.pids) == {"postgres", "nats", "simulator", "gateway", "dispatcher"}
    assert all(is_alive(pid) for pid in content.pids.values())
    assert f"NATS_MONITOR_URL={content.nats_monitor_url}" in environment_of(content.pids["dispatcher"])
    second = await stack.launch()
    _, errors = await second.communicate()
    assert second.returncode == 1
    assert b"stop it first" in errors
    assert stack.content() is not None
    code, errors = await stack.end(signal.SIGTERM)
    assert (code, errors) == (0, b"")
    assert not any(is_alive(pid) for pid in content.pids.values())
    assert stack.content() is None


async def test_what_is_killed_comes_back_at_the_same_address_and_after_kill_9_of_all_with_the_same_keys(
    stack,
):
    before = await stack.start()
    for pid in before.pids.values():
        os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not set(before.pids.values()) & set(stack.content().pids.values()), within_s=60)
    await eventually(lambda: is_ready(f"{before.api_url}/health/ready"), within_s=60)
    await eventually(lambda: is_ready(f"{before.gateway_url}/health/ready"), within_s=60)
    after = stack.content()
    assert all(is_alive(pid) for pid in after.pids.values())
    assert after.gateway_url == before.gateway_url
    assert after.api_url == before.api_url
    assert after.database_url == before.database_url
    await stack.end(signal.SIGKILL)
    await eventually(lambda: not any(is_alive(pid) for pid in after.pids.values()), within_s=30)
    (stack.data_dir / "stack.json").unlink()
    anew = await stack.start()
    assert anew.api_key == before.api_key
    assert set(anew.pids) == set(before.pids)


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def is_alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")")[-1].split()[0] != "Z"
