"""The generated files: fresh in the tree, and a change that was not written or not promised is named."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from contracts.generate import tree
from contracts.generate.__main__ import main
from support.contract import CONTRACTS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of `contracts/` that a test may spoil."""
    target = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program from the source in `root`, whatever is installed."""
    return subprocess.run(
        [sys.executable, "-m", "contracts.generate", *arguments],
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_generated_files_of_the_tree_are_fresh():
    assert tree.differences(CONTRACTS) == []


def test_the_types_keep_what_the_baseline_promises():
    assert tree.broken_promises(CONTRACTS) == []


def test_each_message_is_promised():
    promised = {path.relative_to(CONTRACTS / "baseline") for path in (CONTRACTS / "baseline").rglob("*.json")}
    current = {path.relative_to(CONTRACTS / "schema") for path in (CONTRACTS / "schema").rglob("*.json")}
    assert promised <= current


def test_generating_twice_gives_the_same_bytes():
    assert tree.generated() == tree.generated()


def test_the_check_is_silent_about_a_fresh_tree(copy):
    checked = generate(copy, "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_each_file_that_is_not_fresh_is_named(copy, capsys):
    (copy / "schema/events/recipient.sent.json").write_text("{}")
    (copy / "samples/dead/message.parked.json").unlink()
    (copy / "schema/events/recipient.forgotten.json").write_text("{}")
    (copy / "asyncapi.json").unlink()
    assert main(["--check"], copy) == 1
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "missing: asyncapi.json",
        "missing: samples/dead/message.parked.json",
        "stale: schema/events/recipient.sent.json",
        "surplus: schema/events/recipient.forgotten.json",
    ]


def test_the_check_writes_nothing(copy):
    (copy / "asyncapi.json").write_text("{}")
    main(["--check"], copy)
    assert (copy / "asyncapi.json").read_text() == "{}"


def test_generating_repairs_what_is_not_fresh(copy):
    (copy / "asyncapi.json").write_text("{}")
    (copy / "schema/events/recipient.forgotten.json").write_text("{}")
    assert main([], copy) == 0
    assert tree.differences(copy) == []


def test_a_new_optional_field_makes_files_stale_and_breaks_nothing(copy):
    change(
        copy / "src/contracts/dead.py", "    hook: str\n", "    hook: str\n    keyring: str | None = None\n"
    )
    checked = generate(copy, "--check")
    assert checked.returncode == 1
    assert "stale: schema/dead/callback.quarantined.json" in checked.stderr
    assert "incompatible" not in checked.stderr
    assert generate(copy).returncode == 0


def test_a_field_that_was_renamed_is_refused_until_the_version_is_raised(copy):
    types = copy / "src/contracts/events.py"
    change(
        types, '    """Refused before it left."""\n\n    reason: str', '    """Refused."""\n\n    cause: str'
    )
    change(copy / "src/contracts/generate/samples/events.py", 'reason="a community', 'cause="a community')
    refused = generate(copy, "--accept")
    assert refused.returncode == 1
    assert "incompatible: events/recipient.skipped.json: reason was removed" in refused.stderr
    change(types, "    cause: str", "    cause: str\n    version: int = 2")
    assert generate(copy, "--accept").returncode == 0
    promised = msgspec.json.decode((copy / "baseline/events/recipient.skipped.json").read_bytes())
    assert promised["properties"]["version"]["default"] == 2


def test_a_promised_message_that_is_gone_is_named(copy):
    (copy / "baseline/events/recipient.forgotten.json").write_text("{}")
    assert tree.broken_promises(copy) == [
        "incompatible: events/recipient.forgotten.json: the message was removed"
    ]


def test_an_installed_package_says_that_it_is_no_checkout(tmp_path):
    installed = tmp_path / "lib" / "site" / "packages"
    shutil.copytree(
        CONTRACTS / "src/contracts", installed / "contracts", ignore=shutil.ignore_patterns("__pycache__")
    )
    answer = subprocess.run(
        [sys.executable, "-m", "contracts.generate"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert "is no checkout" in answer.stderr


def test_no_sample_holds_a_real_phone_number():
    text = "".join(path.read_text() for path in (CONTRACTS / "samples").rglob("*.json"))
    for digits in re.findall(r"\+?\b(\d{11})\b(?!\d)", text):
        assert digits.startswith("1202555"), "numbers in samples are of the range kept for fiction"
