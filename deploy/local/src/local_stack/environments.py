"""The environment of each service: ours, with what the stack knows laid over it.

A variable of the user reaches the services untouched, except where it names what the stack itself decides.
"""

from collections.abc import Mapping

from local_stack.ports import LOOPBACK
from local_stack.settings import Settings
from local_stack.stack_file import StackFile

Environment = dict[str, str]

KEY_FILES = frozenset({"WEBHOOK_API_KEYS_FILE", "API_KEYS_FILE", "VPS_API_KEY_FILE"})
"""Variables that a service refuses beside the keys themselves, which the stack gives it."""


def gateway_environment(
    inherited: Mapping[str, str], settings: Settings, stack: StackFile, port: int, nats_url: str | None = None
) -> Environment:
    """Return the webhook-gateway's environment; its spool lies with the rest, unless it is given a place.

    `nats_url` holds the user that it connects as, where that is another than the stack's.
    """
    return {
        **without_key_files(inherited),
        "SPOOL_PATH": inherited.get("SPOOL_PATH") or str(settings.data_dir / "gateway-spool.db"),
        "GATEWAY_HOST": settings.gateway_host,
        "GATEWAY_PORT": str(port),
        "NATS_URL": nats_url or stack.nats_url,
        "WEBHOOK_API_KEYS": settings.webhook_api_keys or stack.webhook_api_key,
    }


def dispatcher_environment(
    inherited: Mapping[str, str],
    settings: Settings,
    stack: StackFile,
    port: int,
    running_url: str | None = None,
) -> Environment:
    """Return the dispatcher's environment. `running_url` is the database as the role that it runs as, where that is not
    the one that owns the schema.
    """
    owner = {"MIGRATE_DATABASE_URL": stack.database_url} if running_url else {}
    monitor = {"NATS_MONITOR_URL": stack.nats_monitor_url} if stack.nats_monitor_url else {}
    return {
        **without_key_files(inherited),
        "API_HOST": settings.api_host,
        "API_PORT": str(port),
        "API_KEYS": settings.api_keys or stack.api_key,
        "NATS_URL": stack.nats_url,
        **monitor,
        "DATABASE_URL": running_url or stack.database_url,
        **owner,
        "VPS_URL": stack.vps_url,
        "VPS_API_KEY": stack.vps_api_key,
    }


def simulator_environment(inherited: Mapping[str, str], stack: StackFile, port: int) -> Environment:
    """Return the simulator's environment: who calls it, and whom it calls back."""
    return {
        **inherited,
        "VPS_SIM_HOST": LOOPBACK,
        "VPS_SIM_PORT": str(port),
        "VPS_SIM_API_KEY": stack.vps_api_key,
        "VPS_SIM_GATEWAY_URL": stack.gateway_url,
        "VPS_SIM_WEBHOOK_KEY": stack.webhook_api_key,
    }


def without_key_files(inherited: Mapping[str, str]) -> Environment:
    """Return the environment without the variables that name files of keys."""
    return {name: value for name, value in inherited.items() if name not in KEY_FILES}
