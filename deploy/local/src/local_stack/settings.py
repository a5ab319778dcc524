"""What `local-stack` takes from the environment; everything there reaches the services as well."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from local_stack.ports import LOOPBACK

DATA_DIR = Path(".local")

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class SettingsError(ValueError):
    """A variable of the environment has no use as it is; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The stack's own settings. A port that is None is chosen; a server whose URL is given is not started."""

    local_dir: str = str(DATA_DIR)
    gateway_host: str = LOOPBACK
    api_host: str = LOOPBACK
    gateway_port: Port | None = None
    api_port: Port | None = None
    vps_port: Port | None = None
    nats_port: Port | None = None
    postgres_port: Port | None = None
    nats_url: str | None = None
    database_url: str | None = None
    vps_url: str | None = None
    vps_api_key: str | None = None
    webhook_api_keys: str | None = None
    api_keys: str | None = None

    @property
    def data_dir(self) -> Path:
        """The folder of all that the stack keeps."""
        return Path(self.local_dir).absolute()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Parse the settings. Raises SettingsError. An empty variable counts as not set."""
    names = Settings.__struct_fields__
    given = {name: environment[name.upper()] for name in names if environment.get(name.upper())}
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise SettingsError(f"{path.rstrip('`').upper()}: {reason}") from None
    if settings.vps_url and not settings.vps_api_key:
        raise SettingsError("VPS_URL is given, so VPS_API_KEY must be given as well")
    return settings
