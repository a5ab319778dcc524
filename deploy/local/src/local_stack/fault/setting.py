"""How the system that is hit is set up: what takes minutes takes seconds, in the same order of lengths."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from local_stack.fault.kinds import DEADLINE_SECONDS, LEASE_SECONDS

WORKING_PART = 1.0
"""The campaign takes about this part of the time in which faults come, if nothing holds it up."""
LEAST_GAP_MS = 20
SPOOL_FILE = "callbacks.spool"

KEPT = frozenset({"PATH", "HOME", "LANG", "TMPDIR"})
"""All that programs get of our environment: a user's settings would make runs that no two people share."""

BARE_VPS: dict[str, float | int | str | bool] = {
    "honour_idempotency_key": False,
    "message_status": False,
}
"""The knobs of a VPS that neither drops repeats nor can be asked: every second session has such a one."""


class Size(msgspec.Struct, frozen=True):
    """How much is sent: `recipients` in all, shared out to `sessions`."""

    recipients: int
    sessions: int


def gap_ms(size: Size, seconds: float) -> int:
    """Return the gap between two messages of a session that makes the campaign last while faults come."""
    per_session = -(-size.recipients // size.sessions)
    return max(LEAST_GAP_MS, int(1000 * seconds * WORKING_PART / per_session))


def dispatcher_settings(gap: int) -> dict[str, str]:
    """Return the dispatchers' settings."""
    return {
        "SEND_GAP_MS": str(gap),
        "SESSION_LANES": "1",
        "CALLBACK_DEADLINE_S": str(DEADLINE_SECONDS),
        "RETRY_BACKOFF_S": "0.5,1,2",
        "MAX_ATTEMPTS": "30",
        "UNCONFIRMED_POLICY": "hold",
        "SWEEP_S": "1",
        "VPS_TIMEOUT_S": "2",
        "SESSION_PARK_S": "0.5,1,2",
        "LEASE_S": str(LEASE_SECONDS),
        "EXPIRY_INTERVAL_S": "0.25",
        "ASK_AGAIN_S": "1",
        "SILENCE_PAUSES": "false",
        "SEND_ENABLED": "true",
        "DRAIN_S": "2",
    }


def gateway_settings(spool_folder: Path) -> dict[str, str]:
    """Return the gateway's settings; one that has no spool does not read those of the spool."""
    return {
        "SPOOL_PATH": str(spool_folder / SPOOL_FILE),
        "SPOOL_MAX_MB": "64",
    }


def simulator_settings(seed: int, keep_dir: Path) -> dict[str, str]:
    """Return the simulator's settings: it never gives a callback up, and is a little unruly by itself."""
    return {
        "VPS_SIM_SEED": str(seed or 1),
        "VPS_SIM_KEEP_DIR": str(keep_dir),
        "VPS_SIM_CALLBACK_TRIES": "100000",
        "VPS_SIM_CALLBACK_RETRY_MS": "200",
        "VPS_SIM_CALLBACK_TIMEOUT_MS": "8000",
        "VPS_SIM_QUEUE_MAX_MS": "300",
        "VPS_SIM_CALLBACK_MAX_MS": "300",
        "VPS_SIM_DUPLICATE": "0.1",
        "VPS_SIM_REORDER": "0.1",
        "VPS_SIM_LATE": "0.05",
        "VPS_SIM_LATE_MS": "2000",
        "VPS_SIM_EARLY": "0.1",
        "VPS_SIM_FAIL": "0.03",
        "VPS_SIM_RESET_AFTER": "0.02",
        "VPS_SIM_DELIVERED_READERS": "1",
        "VPS_SIM_READ_READERS": "1",
        "VPS_SIM_REACTORS": "1",
    }


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what programs get of our environment."""
    return {name: text for name, text in environment.items() if name in KEPT}
