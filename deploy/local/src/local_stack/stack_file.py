"""`stack.json`: where a running stack is and how to talk to it. It exists only while all parts are up."""

from pathlib import Path

import msgspec

from local_stack.private_files import write_private

NAME = "stack.json"


class StackFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content. `pids` has an entry for each part that we started ourselves; if NATS is one, the address of its
    monitoring pages is known.
    """

    gateway_url: str
    api_url: str
    vps_url: str
    nats_url: str
    database_url: str
    webhook_api_key: str
    api_key: str
    vps_api_key: str
    pids: dict[str, int]
    nats_monitor_url: str | None = None


def write_stack_file(data_dir: Path, content: StackFile) -> None:
    """Write it, in one step."""
    write_private(data_dir / NAME, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def read_stack_file(data_dir: Path) -> StackFile | None:
    """Return what a running stack wrote; None when none runs here."""
    path = data_dir / NAME
    return msgspec.json.decode(path.read_bytes(), type=StackFile) if path.exists() else None


def remove_stack_file(data_dir: Path) -> None:
    """Say that no stack runs here."""
    (data_dir / NAME).unlink(missing_ok=True)
