"""An embedded PostgreSQL: one cluster in one folder, on loopback TCP, kept between runs.

Its programs are started directly, so that the process is ours: it can be killed, waited for, and started
again on the same files.
"""

import signal
from pathlib import Path
from urllib.parse import quote

from local_stack.children import Child
from local_stack.ports import LOOPBACK
from local_stack.postgres_cluster import USER, clear_leftover, make_cluster, write_password
from local_stack.programs import postgres_program
from local_stack.unprivileged import identity_for

DATABASE = "postgres"
RUNNING_USER = "dispatcher_running"
START_SECONDS = 60.0
LEFTOVER_SECONDS = 10.0

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes at the most; folders are longer
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # short statements only; compiling them costs more than it gives
    "timezone": "UTC",
    "log_timezone": "UTC",
}

STATUS_LINE = 7
"""Of `postmaster.pid`, from 0: where PostgreSQL itself writes that it is ready; `pg_ctl -w` reads it too."""


class PostgresServer:
    """A PostgreSQL server on `folder`, which is made on the first start, with a password of its own."""

    def __init__(self, folder: Path, port: int, log_path: Path) -> None:
        self.folder = folder.resolve()
        self.port = port
        program = postgres_program("postgres")
        self._identity = identity_for(self.folder, program)
        self.child = Child(
            "postgres",
            [str(program), "-D", str(self.cluster), "-p", str(port), *options(SETTINGS)],
            log_path,
            stop_signal=signal.SIGINT,  # a fast shutdown: connections are cut, the data is flushed
            user_id=self._identity.user_id,
            reach=self._identity.reach,
        )

    @property
    def cluster(self) -> Path:
        """The folder of the cluster's files."""
        return self.folder / "cluster"

    @property
    def url(self) -> str:
        """The URL of its first database; holds the password. Known once the server was started."""
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://{USER}:{quote(password)}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def running_url(self) -> str:
        """The same, as the role that the dispatcher runs as, which may not change the schema; `migrate` makes it."""
        path = self.folder / "running-password"
        if not path.exists():
            write_password(path)
        password = quote(path.read_text().strip())
        return f"postgresql://{RUNNING_USER}:{password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self, within_seconds: float = START_SECONDS) -> None:
        """Start and wait until it takes connections. Raises StartError with the end of its log."""
        self.launch()
        self.child.wait_until(self.is_ready, within_seconds)

    def launch(self) -> None:
        """Start it and do not wait. The first time its files are made, which takes a second or two."""
        make_cluster(self.folder, self.cluster, self._identity, self.child.log_path)
        clear_leftover(self.cluster, LEFTOVER_SECONDS)
        self.child.start()

    def is_ready(self) -> bool:
        """Tell whether the process says that it takes connections."""
        pid_file = self.cluster / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        ours = self.child.is_running and lines[:1] == [str(self.child.pid)]
        return ours and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def stop(self) -> None:
        """Shut down, fast but in order."""
        self.child.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()


def options(settings: dict[str, str]) -> list[str]:
    """Return settings as arguments of the postgres program."""
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
