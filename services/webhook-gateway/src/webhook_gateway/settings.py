"""Settings: environment → one checked struct. The struct's fields are the documentation of the variables."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

KEYS = "WEBHOOK_API_KEYS"
KEYS_FILE = "WEBHOOK_API_KEYS_FILE"
SPOOL_OFF = "off"
SIGNATURES = "WEBHOOK_SIGNATURES, WEBHOOK_SIGNING_SECRETS"


class SettingsError(ValueError):
    """A variable has a value that cannot be worked with. One line that names it, without the value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set, with defaults. A variable's name is the field's in capitals."""

    nats_url: Annotated[str, Meta(pattern=r"^(nats|tls|ws|wss)://\S+$", description="NATS server")] = (
        "nats://127.0.0.1:4222"
    )
    webhook_api_keys: Annotated[
        str,
        Meta(description="keys, comma-separated: `key` or `tenant:key`, at least 16 characters; required"),
    ] = ""
    webhook_api_keys_file: Annotated[
        str, Meta(description="file that holds the keys instead; one a line or comma-separated")
    ] = ""
    gateway_host: Annotated[str, Meta(min_length=1, description="address to listen at")] = "0.0.0.0"  # noqa: S104
    gateway_port: Annotated[int, Meta(ge=1, le=65535, description="port to listen at")] = 8080
    log_level: Annotated[LogLevel, Meta(description="DEBUG, INFO, WARNING or ERROR")] = "INFO"
    max_body_bytes: Annotated[
        int, Meta(ge=1024, le=500_000, description="a body over this is answered 413")
    ] = 262_144
    max_header_bytes: Annotated[
        int,
        Meta(ge=8192, le=1_048_576, description="a request with more than that before its body is refused"),
    ] = 32_768
    header_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=300,
            description="seconds that a sender may take for a request's head, or be idle;"
            " more than senders and proxies keep a connection (nginx and AWS 60)",
        ),
    ] = 75.0
    body_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="seconds that a sender may take for a body; then 408")
    ] = 10.0
    webhook_signatures: Annotated[
        str, Meta(description="`off`, `accepted` or `required`, or `tenant:mode`, comma-separated")
    ] = "off"
    webhook_signing_secrets: Annotated[
        str, Meta(description="Standard Webhooks secrets: `whsec_…` or `tenant:whsec_…`, comma-separated")
    ] = ""
    signature_tolerance_s: Annotated[
        float, Meta(gt=0, le=86_400, description="seconds that a signature's time may be off")
    ] = 300.0
    rate_limit_per_s: Annotated[
        float, Meta(ge=0, description="requests per second and key, bursts of one second; 0 is no limit")
    ] = 20_000.0
    publish_timeout_s: Annotated[
        float,
        Meta(gt=0, le=60, description="seconds until a callback that could not be stored is answered 503"),
    ] = 5.0
    spool_path: Annotated[
        str,
        Meta(description="file that keeps callbacks while NATS does not take them; `off`: they get 503 then"),
    ] = "webhook-gateway-spool.db"
    spool_max_mb: Annotated[
        int, Meta(ge=1, le=1_000_000, description="a spool of that many MiB is full: 503 then")
    ] = 256
    spool_after_s: Annotated[
        float, Meta(gt=0, le=60, description="seconds without an answer of NATS until a callback is spooled")
    ] = 1.0
    drain_s: Annotated[
        float, Meta(ge=0, le=600, description="seconds that a stop may take to finish what is on its way")
    ] = 25.0
    batch_max: Annotated[
        int, Meta(ge=1, le=1000, description="messages in one atomic batch; 1 publishes each by itself")
    ] = 256

    @property
    def spool_file(self) -> Path | None:
        """Where the spool is; None where there is none."""
        return None if self.spool_path.lower() == SPOOL_OFF else Path(self.spool_path)

    def __repr__(self) -> str:
        """Say nothing: keys and the credentials in a URL stand in here."""
        return "Settings(…)"


def read_settings(environ: Mapping[str, str], read_text: Callable[[str], str]) -> Settings:
    """Return the settings of an environment. Raises `SettingsError`. Empty variables count as unset."""
    names = {name.upper(): name for name in Settings.__struct_fields__}
    given = {field: environ[name].strip() for name, field in names.items() if environ.get(name, "").strip()}
    if "webhook_api_keys_file" in given:
        given["webhook_api_keys"] = _read_keys(given, read_text)
    if "log_level" in given:
        given["log_level"] = given["log_level"].upper()
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as fault:
        reason, _, path = str(fault).partition(" - at `$.")
        raise SettingsError(f"{path.rstrip('`').upper()}: {reason}") from None


def _read_keys(given: Mapping[str, str], read_text: Callable[[str], str]) -> str:
    if "webhook_api_keys" in given:
        raise SettingsError(f"{KEYS}: give either this or {KEYS_FILE}, not both")
    try:
        return read_text(given["webhook_api_keys_file"])
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{KEYS_FILE}: cannot be read ({type(fault).__name__})") from None


def read_file(path: str) -> str:
    """Return the text of a file."""
    return Path(path).read_text(encoding="utf-8")


def settings_table() -> str:
    """Return all variables with what they say and their defaults, for `--help`."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
    return "\n".join(
        f"  {name.upper():<22} {get_args(hints[name])[1].description} [{defaults[name]}]" for name in hints
    )
