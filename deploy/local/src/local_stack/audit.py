"""`python -m local_stack.audit`: whether a package that we ship or build with has a known hole, by pip-audit.

A part of `make check`. It needs an index that knows advisories (pypi.org does, most mirrors do not): where none
answers, it says so and fails nothing, so that the checks run offline.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

SECONDS = 90
BINARIES = Path(sys.executable).parent


class Hole(msgspec.Struct, frozen=True):
    """A known hole; `fix_versions` do not have it."""

    id: str
    fix_versions: list[str] = []


class Audited(msgspec.Struct, frozen=True):
    """What is known of one package; `skip_reason` where nothing is."""

    name: str
    version: str = ""
    vulns: list[Hole] = []
    skip_reason: str | None = None


class Report(msgspec.Struct, frozen=True):
    """pip-audit's own report."""

    dependencies: list[Audited]


def judge(report: Report) -> tuple[int, list[str]]:
    """Return the exit code, and what to say."""
    holes = [
        f"pip-audit: {one.name} {one.version} has {hole.id}; fixed in {', '.join(hole.fix_versions) or 'nothing yet'}"
        for one in report.dependencies
        for hole in one.vulns
    ]
    unknown = sum(one.skip_reason is not None for one in report.dependencies)
    known = len(report.dependencies) - unknown
    if not known:
        return 0, ["pip-audit: NOT AUDITED: the index has no advisories for any package"]
    rest = f", {unknown} unknown to the index" if unknown else ""
    return (1 if holes else 0), [
        *holes,
        f"pip-audit: {known} packages audited, {len(holes)} known holes{rest}",
    ]


def main() -> int:
    """Audit all that stands in the lock; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        try:
            _export(wanted)
            report = _audit(wanted)
        except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
            code, words = 0, [f"pip-audit: NOT AUDITED: no index answered ({type(error).__name__})"]
        else:
            code, words = judge(report)
    sys.stdout.write("\n".join(words) + "\n")
    return code


def _export(wanted: Path) -> None:
    """Write what the lock names, but for our own packages."""
    own = BINARIES / "uv"
    uv = str(own) if own.exists() else "uv"
    command = [uv, "export", "--frozen", "--quiet", "--no-emit-workspace", "--output-file", str(wanted)]
    subprocess.run(command, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)


def _audit(wanted: Path) -> Report:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner=off",
    ]
    command += ["--format", "json", "--requirement", str(wanted)]
    done = subprocess.run(command, check=False, timeout=SECONDS, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Report)


if __name__ == "__main__":
    sys.exit(main())
