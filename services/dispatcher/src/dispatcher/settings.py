"""The settings, from the environment. Each has a default where one is sane; a bad value names its variable."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from contracts.envelope import DEFAULT_TENANT
from dispatcher.domain.api_key import BadKey, Known, read_entry
from dispatcher.domain.media import is_pattern
from dispatcher.domain.phone import BadCountryCode, CountryCodes, read_country_codes

ISRAEL = 972

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class BadSetting(Exception):
    """A setting is missing or has a value that cannot be used; the text names the variable, never a secret."""


def _doc(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of the dispatcher; the variable is the field's name in capitals."""

    database_url: Annotated[str, _doc("PostgreSQL 15 to 18, as postgresql://user:password@host/database")]
    migrate_database_url: Annotated[
        str,
        _doc("the same as the owner of the schema, for `migrate` and `rebuild`; if not set, DATABASE_URL"),
    ] = ""
    database_role: Annotated[
        str,
        _doc(
            "whom `migrate` lets read and write rows; if not set, DATABASE_URL's user where another one migrates"
        ),
    ] = ""
    nats_url: Annotated[str, _doc("NATS with JetStream, 2.12 or later")] = "nats://127.0.0.1:4222"
    nats_monitor_url: Annotated[
        str,
        _doc(
            "NATS's monitoring address, where it tells whether it flushes before it acknowledges; if not set, readiness"
            " does not ask, and `dispatcher doctor` tries port 8222 beside NATS_URL"
        ),
    ] = ""
    vps_url: Annotated[str, _doc("the VPS's address")] = ""
    vps_api_key: Annotated[str, _doc("the key that the VPS wants")] = ""
    api_host: Annotated[str, _doc("address of the HTTP API")] = "0.0.0.0"  # noqa: S104  # a container's own network
    api_port: Annotated[Port, _doc("port of the HTTP API")] = 8081
    api_keys: Annotated[
        tuple[str, ...],
        _doc(
            "keys of the API to begin with, separated by commas: each `key` or `tenant:key`, where `sha256:<hex>` may"
            " stand for the key"
        ),
    ] = ()
    api_rate_per_s: Annotated[
        float,
        msgspec.Meta(ge=0, description="requests a second with one key, and as many at once; 0 is no limit"),
    ] = 500
    max_body_mb: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="size of a request that creates a campaign, in MiB; others may have 1"
        ),
    ] = 64
    header_timeout_s: Annotated[
        Seconds,
        _doc(
            "how long the line of a request and its headers may take, and a connection be idle;"
            " more than clients and proxies keep one (nginx and AWS 60), or they send on what is just closed"
        ),
    ] = 75
    body_timeout_s: Annotated[
        Seconds,
        _doc("how long a body may take, and as long again for each 128 KiB of it that came; then 408"),
    ] = 10
    schedule_ahead_days: Annotated[
        int, msgspec.Meta(ge=1, le=36_500, description="so many days ahead a campaign may be scheduled")
    ] = 1830
    media_hosts: Annotated[
        tuple[str, ...],
        _doc(
            "the only hosts that `media_url` may name, separated by commas, `*.example.com` for all below one;"
            " if not set, every public host"
        ),
    ] = ()
    send_gap_ms: Annotated[
        int, msgspec.Meta(ge=0, description="least time between two messages of a session")
    ] = 500
    send_gap_jitter: Annotated[
        float, msgspec.Meta(ge=0, le=10, description="the gap is longer by up to this part, as it falls")
    ] = 0.2
    high_share: Annotated[
        int,
        msgspec.Meta(ge=2, description="of so many messages of a session one is kept for normal priority"),
    ] = 5
    session_lanes: Annotated[int, msgspec.Meta(ge=1, le=2, description="calls at once on one session")] = 1
    callback_deadline_s: Annotated[
        Seconds, _doc("after so long without a callback a message is looked up")
    ] = 300
    retry_backoff_s: Annotated[
        tuple[Seconds, ...], _doc("waits before attempt 2, 3, …; the last one for all beyond")
    ] = (
        60,
        120,
        240,
        480,
        960,
    )
    max_attempts: Annotated[int, msgspec.Meta(ge=1, description="sends of one message, all in all")] = 5
    unconfirmed_policy: Annotated[
        Literal["hold", "resend"], _doc("what to do where the VPS cannot tell whether a message left")
    ] = "hold"
    send_enabled: Annotated[bool, _doc("false: everything happens but the call to the VPS")] = True
    sweep_s: Annotated[Seconds, _doc("how often lost notifications are made up for")] = 30
    notifications: Annotated[
        bool,
        _doc(
            "false: PostgreSQL's are not waited for, as behind a pooler that loses them; the sweep finds all"
        ),
    ] = True
    vps_timeout_s: Annotated[
        Seconds, _doc("how long a call to the VPS may take, of which its connection may take half")
    ] = 10
    session_park_s: Annotated[
        tuple[Seconds, ...], _doc("how long a session rests that takes no messages")
    ] = (
        2,
        5,
        10,
        30,
        60,
    )
    verify_s: Annotated[Seconds, _doc("how often the VPS is asked for the state of a session")] = 60
    silence_s: Annotated[
        Seconds, _doc("after so long without any callback a session that takes messages counts as silent")
    ] = 600
    silence_pauses: Annotated[bool, _doc("false: a silent session asks for attention and goes on")] = True
    unknown_burst: Annotated[
        int, msgspec.Meta(ge=1, description="after so many unreadable answers in a row a session rests")
    ] = 5
    lease_s: Annotated[Seconds, _doc("how long a worker that died keeps its sessions")] = 30
    expiry_interval_s: Annotated[Seconds, _doc("how often deadlines, schedules and orders are looked at")] = 1
    ask_again_s: Annotated[Seconds, _doc("pause before a failed look-up is repeated")] = 30
    max_groups_mb: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="size of the VPS's list of groups, in MiB; 32 hold 500 of 1,000 members"
        ),
    ] = 32
    verify_patience_s: Annotated[
        Seconds,
        _doc("how long after `verify` of a campaign the VPS is asked about those it does not tell of"),
    ] = 86400
    default_country_code: Annotated[
        tuple[str, ...],
        _doc("for phones that have none; `tenant:code` is for that tenant alone, separated by commas"),
    ] = (str(ISRAEL),)
    creation_chunk: Annotated[
        int, msgspec.Meta(ge=1, description="recipients recorded in one transaction")
    ] = 2000
    max_recipients: Annotated[
        int, msgspec.Meta(ge=1, description="recipients that one campaign may have")
    ] = 250_000
    idempotency_window_s: Annotated[
        float,
        msgspec.Meta(ge=0, description="for so long the same to the same recipients is the same campaign"),
    ] = 600
    batch_size: Annotated[
        int, msgspec.Meta(ge=1, le=5000, description="messages taken from NATS at a time")
    ] = 500
    database_pool: Annotated[int, msgspec.Meta(ge=4, description="connections to PostgreSQL")] = 8
    database_timeout_s: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="how long PostgreSQL may take for a statement before its connection is given up; 0 is for ever",
        ),
    ] = 60
    clock_skew_s: Annotated[Seconds, _doc("how far the VPS's clock may be from ours")] = 2
    drain_s: Annotated[Seconds, _doc("how long calls in flight may finish at shutdown")] = 25
    verify_store_s: Annotated[
        Seconds, _doc("how often the rows of campaigns that changed are compared with the events")
    ] = 600
    verify_store_events: Annotated[
        int, msgspec.Meta(ge=0, description="events folded for it at a time; larger campaigns are left out")
    ] = 250_000
    liveness_s: Annotated[
        Seconds,
        _doc(
            "a loop that crashes on and on, or hangs, for so long, database and broker there, asks for a restart"
        ),
    ] = 300
    unfinished_s: Annotated[
        Seconds, _doc("after so long a campaign that was cut off while it was recorded asks for attention")
    ] = 3600
    paused_days: Annotated[Seconds, _doc("after so many days a paused campaign asks for attention")] = 7
    unmatched_s: Annotated[
        Seconds, _doc("after so long a callback about a send that nobody knows asks for attention")
    ] = 60
    parked_keep_days: Annotated[
        Seconds,
        _doc("after so many days receipts and memberships are forgotten that belong to nothing of ours"),
    ] = 30
    quarantine_keep_days: Annotated[
        Seconds, _doc("after so many days what is in quarantine is forgotten")
    ] = 90
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _doc("how much is logged")] = "INFO"

    def __repr__(self) -> str:
        """Show nothing: some of it is secret."""
        return "Settings(…)"


LISTS = frozenset({"api_keys", "default_country_code", "media_hosts", "retry_backoff_s", "session_park_s"})
SECRETS = frozenset({"database_url", "migrate_database_url", "vps_api_key", "api_keys"})
"""May also come from a file: `VPS_API_KEY_FILE` and so on; never printed."""


class Described(msgspec.Struct, frozen=True):
    """A setting as a user meets it."""

    variable: str
    default: str
    description: str


def described() -> list[Described]:
    """Return all settings, in their order."""
    return [
        Described(field.name.upper(), _shown(field.default), _description(field.type))
        for field in msgspec.structs.fields(Settings)
    ]


def _shown(default: object) -> str:
    match default:
        case msgspec.UnsetType() | "" | ():
            return ""
        case bool():
            return str(default).lower()
        case tuple():
            return ",".join(part if isinstance(part, str) else f"{part:g}" for part in default)
        case float() | int():
            return f"{default:g}"
        case _:
            return "" if default is msgspec.NODEFAULT else str(default)


def _description(annotated: Any) -> str:
    """Return the description of a field; it stands in the last of its annotations that has one."""
    metas = [meta for meta in get_args(annotated) if isinstance(meta, msgspec.Meta) and meta.description]
    return str(metas[-1].description) if metas else ""


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the environment holds."""
    raw: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        value = _value(environment, field.name)
        if value is not None:
            raw[field.name] = _split(value) if field.name in LISTS else value
    if "database_url" not in raw:
        raise BadSetting("DATABASE_URL is not set")
    try:
        settings = msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(_explain(str(error))) from None
    if not all(map(is_pattern, settings.media_hosts)):
        raise BadSetting("MEDIA_HOSTS: takes names of hosts in lower case, and `*.example.com`")
    country_codes(settings)
    return settings


def require_serving(settings: Settings) -> None:
    """Check what only `run` needs: an API key that is not well known, and the VPS."""
    for name in ("vps_url", "vps_api_key", "api_keys"):
        if not getattr(settings, name):
            raise BadSetting(f"{name.upper()} is not set")
    known_keys(settings)


def country_codes(settings: Settings) -> CountryCodes:
    """Return which country code a tenant's phones get that have none."""
    try:
        return read_country_codes(settings.default_country_code, ISRAEL)
    except BadCountryCode as problem:
        raise BadSetting(f"DEFAULT_COUNTRY_CODE: {problem}") from None


def known_keys(settings: Settings) -> tuple[Known, ...]:
    """Return what is known of the keys in API_KEYS."""
    try:
        return tuple(read_entry(entry, DEFAULT_TENANT) for entry in settings.api_keys)
    except BadKey as problem:
        raise BadSetting(f"API_KEYS holds {problem}") from None


def _value(environment: Mapping[str, str], name: str) -> str | None:
    variable = name.upper()
    if name in SECRETS and (path := environment.get(f"{variable}_FILE")):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise BadSetting(f"{variable}_FILE cannot be read: {error.strerror}") from None
    value = environment.get(variable)
    return value.strip() if value and value.strip() else None


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _explain(problem: str) -> str:
    """Put the variable's name where msgspec names the field."""
    match = re.search(r"^(.*) - at `\$\.(\w+)", problem)
    return f"{match[2].upper()}: {match[1]}" if match else problem
