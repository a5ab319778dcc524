"""The generated files of a checkout: what they should hold, what they hold, and where they differ."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.generate.asyncapi import asyncapi
from contracts.generate.catalogue import KINDS, schema_path
from contracts.generate.compatibility import incompatibilities
from contracts.generate.samples import SAMPLES, sample_path
from contracts.generate.schemas import Schema, schema_of

FOLDERS = ("schema", "samples")
BASELINE = "baseline"

Files = Mapping[str, str]
"""Texts of files by their paths, relative to `contracts/`."""


class NotACheckout(Exception):
    """The package is installed somewhere without its source tree."""


def find_root(module_file: str) -> Path:
    """Return `contracts/` of the checkout that holds a module of this package."""
    root = Path(module_file).resolve().parents[3]
    if not (root / "pyproject.toml").is_file() or not (root / "src" / "contracts").is_dir():
        raise NotACheckout(f"{root} is no checkout: generated files live beside contracts/src")
    return root


def generated() -> Files:
    """Return every generated file as it should be."""
    schemas = {path: _text(schema) for path, schema in _schemas().items()}
    samples = {sample_path(sample): _text(msgspec.to_builtins(sample.message)) for sample in SAMPLES}
    return {**schemas, **samples, "asyncapi.json": _text(asyncapi())}


def differences(root: Path) -> list[str]:
    """Return a line for each file that is missing, stale or surplus."""
    wanted = generated()
    found = _found(root, FOLDERS)
    if (root / "asyncapi.json").is_file():
        found = {**found, "asyncapi.json": (root / "asyncapi.json").read_text()}
    return [
        *(f"missing: {path}" for path in sorted(wanted.keys() - found.keys())),
        *(f"stale: {path}" for path in sorted(wanted) if path in found and found[path] != wanted[path]),
        *(f"surplus: {path}" for path in sorted(found.keys() - wanted.keys())),
    ]


def write(root: Path) -> None:
    """Write every generated file and remove those that no message asks for any more."""
    _replace(root, FOLDERS, generated())


def broken_promises(root: Path) -> list[str]:
    """Return a line for each way in which the types break what the baseline promises."""
    current = {path.removeprefix("schema/"): schema for path, schema in _schemas().items()}
    lines: list[str] = []
    for path, text in _found(root, (BASELINE,)).items():
        name = path.removeprefix(f"{BASELINE}/")
        if name not in current:
            lines.append(f"incompatible: {name}: the message was removed")
            continue
        promised: Schema = msgspec.json.decode(text)
        lines += [f"incompatible: {name}: {fault}" for fault in incompatibilities(promised, current[name])]
    return lines


def accept(root: Path) -> None:
    """Make the present schemas the baseline."""
    baseline = {path.replace("schema", BASELINE, 1): _text(schema) for path, schema in _schemas().items()}
    _replace(root, (BASELINE,), baseline)


def _schemas() -> dict[str, Schema]:
    return {schema_path(kind, message): schema_of(kind, message) for kind in KINDS for message in kind.types}


def _text(document: object) -> str:
    """Return a document as it is written: indented, and the same bytes on every machine."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _found(root: Path, folders: tuple[str, ...]) -> Files:
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def _replace(root: Path, folders: tuple[str, ...], files: Files) -> None:
    for path in _found(root, folders).keys() - files.keys():
        (root / path).unlink()
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
