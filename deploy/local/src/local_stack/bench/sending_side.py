"""The sending side, as it runs in earnest: the dispatcher and the VPS as programs, on real servers.

Campaigns are recorded here, in the dispatcher's database, by the dispatcher's own code. The VPS sends no
callbacks, so that only the way out is measured.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.commands import CampaignSpec, RecipientSpec
from dispatcher import relay
from dispatcher.composition.given import now_ms
from dispatcher.creation import Clerk
from dispatcher.enrolment import check
from dispatcher.handling import Cause, Rules
from dispatcher.store import lease, migrate
from dispatcher.store.postgres import connect
from local_stack.bench.rig import Rig
from local_stack.bench.waiting import until
from local_stack.ports import LOOPBACK
from local_stack.simulator.client import SimulatorClient
from local_stack.simulator.outcomes import AnswerKind

TEXT = "hello"
VPS_KEY = "bench-vps-27d94c6b1e"
API_KEY = "bench-api-8c53f7a09b"
COUNTRY_CODE = 972
HELD_MS = 600_000
QUIET_SECONDS = 60
POLL_SECONDS = 0.1

_POSITIONS = text("""
    SELECT coalesce(max(global_position), 0) AS recorded,
           coalesce((SELECT position FROM relay_checkpoint WHERE name = :name), 0) AS relayed
    FROM events
""")


class SendingSide:
    """A VPS that runs, and a database that the dispatcher sends from once it was started."""

    def __init__(self, rig: Rig, database_url: str, vps_url: str, vps: SimulatorClient) -> None:
        self._rig = rig
        self._database_url = database_url
        self._engine: AsyncEngine = connect(database_url)
        self._clerk = Clerk(self._engine, Rules())
        self.vps_url = vps_url
        self.vps = vps

    async def migrate(self) -> None:
        """Make the tables."""
        await migrate.migrate(self._engine)

    async def close(self) -> None:
        """Close the connections to the database."""
        await self._engine.dispose()

    def start_dispatcher(self, **more: str) -> None:
        """Start the dispatcher, without a gap between two messages of a session, and with these settings."""
        port = self._rig.next_port()
        settings = {
            "API_HOST": LOOPBACK,
            "API_PORT": str(port),
            "API_KEYS": API_KEY,
            "DATABASE_URL": self._database_url,
            "NATS_URL": self._rig.start_nats(),
            "VPS_URL": self.vps_url,
            "VPS_API_KEY": VPS_KEY,
            "SEND_GAP_MS": "0",
            **more,
        }
        ready_url = f"http://{LOOPBACK}:{port}/health/ready"
        self._rig.start_program("dispatcher", ["dispatcher", "run"], settings, ready_url)

    async def record(self, session_id: str, recipients: Sequence[str]) -> None:
        """Commit a campaign, due at once, to these groups."""
        spec = CampaignSpec(session_id, TEXT, [RecipientSpec(group_jid=jid) for jid in recipients])
        await self._clerk.record("default", uuid4(), check(spec, COUNTRY_CODE), Cause("bench"), now_ms())

    async def hold(self, holder: str) -> None:
        """Hold all sessions that nobody holds, as another worker would: the dispatcher leaves them alone."""
        async with self._engine.begin() as connection:
            await lease.take(connection, holder, HELD_MS)

    async def release(self, holder: str) -> None:
        """Give back what was held, and tell the dispatcher."""
        async with self._engine.begin() as connection:
            await lease.leave(connection, holder)

    async def until_quiet(self) -> None:
        """Wait until no event is recorded any more and all are relayed."""
        seen = -1

        async def is_quiet() -> bool:
            nonlocal seen
            before = seen
            async with self._engine.connect() as connection:
                row = (await connection.execute(_POSITIONS, {"name": relay.NAME})).one()
            seen = row.recorded
            return bool(before == row.recorded == row.relayed)

        await until(is_quiet, "all is relayed", every_seconds=POLL_SECONDS, within_seconds=QUIET_SECONDS)

    async def until_received(self, count: int, every_seconds: float, within_seconds: float) -> None:
        """Wait until the VPS was called that often since its last reset, and accepted."""

        async def has_all() -> bool:
            return (await self.vps.requests()).send.get(AnswerKind.ACCEPT, 0) >= count

        what = f"{count} calls of /send"
        await until(has_all, what, every_seconds=every_seconds, within_seconds=within_seconds)


@asynccontextmanager
async def sending_side(rig: Rig) -> AsyncIterator[SendingSide]:
    """Give the sending side, its tables made and its VPS started."""
    port = rig.next_port()
    url = f"http://{LOOPBACK}:{port}"
    settings = {"VPS_SIM_PORT": str(port), "VPS_SIM_API_KEY": VPS_KEY, "VPS_SIM_SILENT": "true"}
    rig.start_program(
        "simulator", ["local_stack.simulator"], settings, f"{url}/health", {"X-API-Key": VPS_KEY}
    )
    async with SimulatorClient(url, VPS_KEY) as vps:
        side = SendingSide(rig, rig.start_postgres(), url, vps)
        try:
            await side.migrate()
            yield side
        finally:
            await side.close()
