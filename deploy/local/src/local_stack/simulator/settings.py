"""Settings of the simulator as a program: where it listens, whom it calls back, how hard it tries."""

from typing import Annotated

import msgspec

from local_stack.simulator.knobs import Knobs

DEFAULT_API_KEY = "vps-simulator"
"""A fake guards nothing; a key is asked for because the VPS asks for one."""


HeaderText = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]*$")]
"""What can stand in an HTTP header."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where callbacks go: `<gateway_url>/webhooks/<hook>`, with this key; without a URL nowhere."""

    gateway_url: str | None = None
    webhook_key: HeaderText = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. `callback_tries` counts the first; the wait doubles from `callback_retry_ms` up to 30 s.

    `callbacks_kept` and `answers_kept` bound the memory for delivered callbacks and for Idempotency-Keys. `keep_dir`
    is where the ledger, the gateway's answers and the knobs outlive the process; empty: nowhere.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_key: str = DEFAULT_API_KEY
    target: Target = Target()
    seed: int = 0
    callback_tries: int = 8
    callback_retry_ms: int = 500
    callback_timeout_ms: int = 10_000
    callback_connections: int = 64
    callbacks_kept: int = 10_000
    answers_kept: int = 200_000
    keep_dir: str = ""
    knobs: Knobs = Knobs()
