"""The program `webhook-gateway`: reads the settings, and serves. Exit code 2 says that a setting is wrong."""

import logging.config
import os
import sys
from importlib.metadata import version

import uvloop

from webhook_gateway.auth import KeysError, read_callers
from webhook_gateway.logs import logging_config
from webhook_gateway.server import serve
from webhook_gateway.settings import KEYS, SIGNATURES, SettingsError, read_file, read_settings, settings_table
from webhook_gateway.signatures import SignaturesError, read_signatures

USAGE = """Usage: webhook-gateway [--help | --version]

Takes the callbacks of a WhatsApp VPS over HTTP and publishes them durably to NATS.
All settings are environment variables [default]:

"""


def main() -> None:
    """Run the program."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Do what the arguments ask for; return the exit code."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"{USAGE}{settings_table()}\n")
        return 0
    if arguments == ["--version"]:
        sys.stdout.write(f"webhook-gateway {version('webhook-gateway')}\n")
        return 0
    if arguments:
        sys.stderr.write(f"webhook-gateway: unknown argument {arguments[0]!r}; see --help\n")
        return 2
    return _serve()


def _serve() -> int:
    try:
        settings = read_settings(os.environ, read_file)
        callers = read_callers(settings.webhook_api_keys)
        signatures = read_signatures(
            settings.webhook_signatures, settings.webhook_signing_secrets, settings.signature_tolerance_s
        )
        logging.config.dictConfig(logging_config(settings.log_level))
        uvloop.run(serve(settings, callers, signatures))
    except SettingsError as fault:
        return _refuse(str(fault))
    except KeysError as fault:
        return _refuse(f"{KEYS}: {fault}")
    except SignaturesError as fault:
        return _refuse(f"{SIGNATURES}: {fault}")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"webhook-gateway: {reason}\n")
    return 2


if __name__ == "__main__":
    main()
