"""Options: the command line of the simulator, made from its settings and its knobs' descriptions."""

import secrets
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any

import msgspec
import typer

from local_stack.simulator.descriptions import Description, described
from local_stack.simulator.knobs import Knobs
from local_stack.simulator.settings import DEFAULT_API_KEY, Settings, Target

ENV_PREFIX = "VPS_SIM_"

Host = Annotated[str, typer.Option(envvar="VPS_SIM_HOST", help="Address to listen on")]
Port = Annotated[int, typer.Option(envvar="VPS_SIM_PORT", help="Port to listen on; 0: a free one")]
ApiKey = Annotated[
    str,
    typer.Option(envvar=["VPS_SIM_API_KEY", "VPS_API_KEY"], help="The X-API-Key that every call must carry"),
]
GatewayUrl = Annotated[
    str,
    typer.Option(envvar=["VPS_SIM_GATEWAY_URL", "GATEWAY_URL"], help="Where callbacks go; empty: nowhere"),
]
WebhookKey = Annotated[
    str,
    typer.Option(envvar=["VPS_SIM_WEBHOOK_KEY", "WEBHOOK_API_KEY"], help="The X-API-Key of the callbacks"),
]
Seed = Annotated[
    int,
    typer.Option(
        envvar="VPS_SIM_SEED", help="The same seed misbehaves in the same way; 0: a new one each time"
    ),
]
Tries = Annotated[
    int,
    typer.Option(
        envvar="VPS_SIM_CALLBACK_TRIES", min=1, help="Tries of a callback on 5xx, 429 or no connection"
    ),
]
RetryMs = Annotated[
    int,
    typer.Option(
        envvar="VPS_SIM_CALLBACK_RETRY_MS", min=1, help="Wait before the second try; it doubles, to 30 s"
    ),
]
TimeoutMs = Annotated[
    int,
    typer.Option(
        envvar="VPS_SIM_CALLBACK_TIMEOUT_MS", min=1, help="How long a callback waits for its answer"
    ),
]
Connections = Annotated[
    int,
    typer.Option(envvar="VPS_SIM_CALLBACK_CONNECTIONS", min=1, help="Callbacks under way at the same time"),
]
Kept = Annotated[
    int,
    typer.Option(
        envvar="VPS_SIM_CALLBACKS_KEPT", min=0, help="Delivered callbacks to remember, the latest ones"
    ),
]

KeepDir = Annotated[
    str,
    typer.Option(
        envvar="VPS_SIM_KEEP_DIR",
        help="Folder where ledger, answers of the gateway and knobs outlive the process; empty: nowhere",
    ),
]


def command(run: Callable[[Settings], None]) -> Callable[..., None]:
    """Return the command that reads all options and runs a simulator with them."""

    def vps_simulator(
        host: Host = "127.0.0.1",
        port: Port = 0,
        api_key: ApiKey = DEFAULT_API_KEY,
        gateway_url: GatewayUrl = "",
        webhook_key: WebhookKey = "",
        seed: Seed = 0,
        callback_tries: Tries = 8,
        callback_retry_ms: RetryMs = 500,
        callback_timeout_ms: TimeoutMs = 10_000,
        callback_connections: Connections = 64,
        callbacks_kept: Kept = 10_000,
        keep_dir: KeepDir = "",
        **knobs: Any,
    ) -> None:
        """Fake the WhatsApp VPS: its HTTP calls, its callbacks, and every misbehaviour, each behind a knob.

        Prints `READY {"url":…}` once it listens. All knobs can be turned later, for all, per session and per
        recipient, by the control API under /_control.
        """
        run(
            Settings(
                host=host,
                port=port,
                api_key=api_key,
                target=Target(gateway_url=gateway_url or None, webhook_key=webhook_key),
                seed=seed or secrets.randbits(32),
                callback_tries=callback_tries,
                callback_retry_ms=callback_retry_ms,
                callback_timeout_ms=callback_timeout_ms,
                callback_connections=callback_connections,
                callbacks_kept=callbacks_kept,
                keep_dir=keep_dir,
                knobs=read_knobs(knobs),
            )
        )

    return _with_knobs(vps_simulator)


def read_knobs(given: Mapping[str, object]) -> Knobs:
    """Check the knobs of the command line. Raises `typer.BadParameter` naming a bad one."""
    try:
        return msgspec.convert(dict(given), Knobs, strict=False)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from None


def _with_knobs(function: Callable[..., None]) -> Callable[..., None]:
    """Give a function, in place of its `**knobs`, one option for each knob: typer reads its signature."""
    signature = Signature.from_callable(function)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not Parameter.VAR_KEYWORD
    ]
    knobs = [_parameter(knob) for knob in described()]
    parameters = [*(each.replace(kind=Parameter.KEYWORD_ONLY) for each in own), *knobs]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


def _parameter(knob: Description) -> Parameter:
    kind = list[str] if isinstance(knob.default, tuple) else type(knob.default)
    flag = f"--{knob.name.replace('_', '-')}"
    names = (f"{flag}/--no{flag[1:]}",) if kind is bool else (flag,)
    option = typer.Option(
        *names, envvar=ENV_PREFIX + knob.name.upper(), help=knob.text, rich_help_panel=knob.panel
    )
    default = list(knob.default) if isinstance(knob.default, tuple) else knob.default
    return Parameter(knob.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
