"""What can go wrong: one row for each kind of fault, with what it hits and for how long. Pure."""

from enum import StrEnum

import msgspec

GATEWAY, SIMULATOR, NATS, POSTGRES = "gateway", "simulator", "nats", "postgres"
DISPATCHERS = ("dispatcher-1", "dispatcher-2")
PROCESSES = (GATEWAY, *DISPATCHERS, NATS, POSTGRES, SIMULATOR)
LINKS = (
    "gateway>nats",
    *(f"{dispatcher}>{server}" for dispatcher in DISPATCHERS for server in (NATS, POSTGRES, "vps")),
    "vps>gateway",
)
"""The connections, each through a proxy of its own: who connects, and to whom."""

LEASE_SECONDS = 2
ACK_WAIT_SECONDS = 2
DEADLINE_SECONDS = 8
"""How long leases, acknowledgements and callbacks may take in the system that is hit. A stopped worker is away for
longer than the first two, and a stopped VPS for less than the third: it must not keep a message for longer than
CALLBACK_DEADLINE_S, says README."""

STOP_SECONDS = (2.5, 4.5)


class Kind(StrEnum):
    """A kind of fault, by the word that the table shows."""

    KILL = "kill -9"
    STOP = "stopped"
    CUT = "connection cut"
    HALF_CLOSE = "connection half closed"
    DELAY = "connection slow"
    BLACK_HOLE = "connection a black hole"
    OUTAGE = "server down"
    DISK_FULL = "disk full"
    POWER_CUT = "power cut"
    CLOCK_STEP = "clock step"
    CALLBACKS = "callbacks disturbed"


class Fault(msgspec.Struct, frozen=True):
    """One fault: what, to whom, for how long; `size` is milliseconds of a delay, seconds of a clock step."""

    kind: Kind
    target: str
    seconds: float
    size: int = 0

    @property
    def words(self) -> str:
        """How the fault is told."""
        sized = f" by {self.size:+d} s" if self.kind is Kind.CLOCK_STEP else ""
        sized = f" by {self.size} ms" if self.kind is Kind.DELAY else sized
        return f"{self.kind}: {self.target}{sized}, {self.seconds:.1f} s"


class Row(msgspec.Struct, frozen=True):
    """Whom a kind may hit, and for how many seconds; `once`: not more than once to each, in the whole run."""

    targets: tuple[str, ...]
    seconds: tuple[float, float]
    sizes: tuple[int, int] = (0, 0)
    once: bool = False


ALL_DISKS = "nats+postgres+gateway"
"""The power of the whole machine."""

CALLBACK_KNOBS: dict[str, dict[str, float | int]] = {
    "doubled": {"duplicate": 1.0, "copies": 3},
    "reordered": {"reorder": 1.0, "reorder_ms": 1500},
    "delayed beyond the deadline": {"late": 0.7, "late_ms": 1000 * (DEADLINE_SECONDS + 3)},
    "with wrong keys": {"wrong_key": 0.5},
}
"""What the VPS does wrong for a while, by the knobs of its simulator."""

ROWS: dict[Kind, Row] = {
    Kind.KILL: Row(PROCESSES, (0.1, 2.0)),
    Kind.STOP: Row(PROCESSES, STOP_SECONDS),
    Kind.CUT: Row(LINKS, (0.0, 0.0)),
    Kind.HALF_CLOSE: Row(LINKS, (0.5, 2.0)),
    Kind.DELAY: Row(LINKS, (2.0, 4.0), sizes=(100, 900)),
    Kind.BLACK_HOLE: Row(LINKS, (2.0, 5.0)),
    Kind.OUTAGE: Row((NATS, POSTGRES), (60.0, 60.0), once=True),
    Kind.DISK_FULL: Row((NATS, GATEWAY), (1.5, 4.0)),
    Kind.POWER_CUT: Row((NATS, POSTGRES, GATEWAY, ALL_DISKS), (0.2, 1.0)),
    Kind.CLOCK_STEP: Row((GATEWAY, *DISPATCHERS), (2.0, 5.0), sizes=(-600, 600)),
    Kind.CALLBACKS: Row(tuple(CALLBACK_KNOBS), (2.0, 5.0)),
}
"""A black hole swallows what is sent into it: it never comes out again when the hole is closed, as after a broken
line whose connections are gone. A VPS that is stopped is so for less than CALLBACK_DEADLINE_S."""

LONGEST_VPS_STOP_SECONDS = 4.0
SPOOLED_LINK = "gateway>nats"
"""The spool is written while this line tells nothing."""


def touched(fault: Fault) -> frozenset[str]:
    """Return the parts that a fault works on; two faults at the same time must not share any."""
    if fault.kind is Kind.POWER_CUT:
        return frozenset(fault.target.split("+"))
    if fault.kind is Kind.CALLBACKS:
        return frozenset({SIMULATOR})
    if fault.kind is Kind.DISK_FULL and fault.target == GATEWAY:
        return frozenset({GATEWAY, SPOOLED_LINK})
    return frozenset({fault.target})
