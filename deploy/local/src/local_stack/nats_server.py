"""An embedded nats-server with JetStream in one folder, on loopback TCP, kept between runs."""

import secrets
from pathlib import Path

import msgspec

from contracts.streams import GATEWAY_INBOX, GATEWAY_PUBLISHES, STREAMS
from local_stack.children import Child, StartError
from local_stack.ports import LOOPBACK
from local_stack.private_files import write_private
from local_stack.probes import fetch
from local_stack.programs import nats_program

START_SECONDS = 30.0
SPARE_BYTES = 2 << 30
"""Beside what the contract's NATS streams may take: for streams of experiments."""

CONFIG = """\
listen: "{host}:{port}"
http: "{host}:{monitor_port}"
server_name: "local"
max_payload: 8MB
authorization {{
  users: [
    {{ user: "operator", password: "{users.operator}" }}
    {{ user: "gateway", password: "{users.gateway}", permissions: {{
      publish: [{publish}]
      subscribe: ["{inbox}.>"]
    }} }}
  ]
}}
jetstream {{
  store_dir: "{store}"
  sync_interval: always
  max_file: {max_file}
}}
"""


class Users(msgspec.Struct, frozen=True):
    """The passwords of the server's users: `operator` may do all, `gateway` what the webhook-gateway needs."""

    operator: str
    gateway: str


def new_users() -> Users:
    """Return passwords that nobody knows yet."""
    return Users(secrets.token_hex(16), secrets.token_hex(16))


class JetStreamConfig(msgspec.Struct, frozen=True):
    """The part of `/jsz` that tells whether an acknowledged message is on the disk."""

    sync_always: bool = False


class JetStreamState(msgspec.Struct, frozen=True):
    """The server's answer to `/jsz`."""

    config: JetStreamConfig = JetStreamConfig()


class NatsServer:
    """A nats-server on `folder`; `monitor_port` serves its own HTTP pages (`/healthz`, `/jsz`, `/varz`).

    Its users' passwords last as long as this object, over restarts of the server.
    """

    def __init__(self, folder: Path, port: int, monitor_port: int, log_path: Path) -> None:
        self.users = new_users()
        self.folder = folder.resolve()
        self.port = port
        self.monitor_port = monitor_port
        self.child = Child("nats", [str(nats_program()), "-c", str(self.config_path)], log_path)

    @property
    def config_path(self) -> Path:
        """The server's configuration, written at each start."""
        return self.folder / "nats.conf"

    @property
    def url(self) -> str:
        """What clients connect to that may do all."""
        return f"nats://operator:{self.users.operator}@{LOOPBACK}:{self.port}"

    @property
    def gateway_url(self) -> str:
        """What the webhook-gateway connects to: as a user that may publish delivery reports, and little else."""
        return f"nats://gateway:{self.users.gateway}@{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Where its monitoring pages are."""
        return f"http://{LOOPBACK}:{self.monitor_port}"

    def start(self, within_seconds: float = START_SECONDS) -> None:
        """Start and wait until JetStream answers.

        Raises StartError, also when it would acknowledge messages that are not on the disk yet.
        """
        self.launch()
        self.child.wait_until(self.is_ready, within_seconds)
        if not self.syncs_always():
            self.stop()
            raise StartError(
                "nats-server does not sync each message (sync_interval: always); use 2.12 or newer"
            )

    def launch(self) -> None:
        """Start it and do not wait."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.config_path, self._render_config().encode())
        self.child.start()

    def is_ready(self) -> bool:
        """Tell whether it answers and has recovered its NATS streams."""
        answer = fetch(f"{self.monitor_url}/healthz")
        return answer is not None and answer.status == 200

    def syncs_always(self) -> bool:
        """Tell whether a message is flushed to the disk before it is acknowledged."""
        answer = fetch(f"{self.monitor_url}/jsz?config=true")
        return answer is not None and msgspec.json.decode(answer.body, type=JetStreamState).config.sync_always

    def stop(self) -> None:
        """Shut down in order."""
        self.child.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()

    def _render_config(self) -> str:
        return CONFIG.format(
            host=LOOPBACK,
            port=self.port,
            monitor_port=self.monitor_port,
            store=self.folder,
            users=self.users,
            publish=", ".join(f'"{subject}"' for subject in GATEWAY_PUBLISHES),
            inbox=GATEWAY_INBOX,
            max_file=sum(stream.max_bytes for stream in STREAMS) + SPARE_BYTES,
        )
