"""`python -m contracts.generate`: write the generated files, check that they are fresh, or accept a new baseline."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.generate import tree

WAY_OUT = (
    "raise the message's `version`, or undo the change (contracts/README.md says how a contract changes)"
)


def main(arguments: Sequence[str], root: Path) -> int:
    """Do what the arguments ask for in `root`, the checkout's `contracts/`; return the exit status."""
    asked = _parse(arguments)
    if not asked.check:
        tree.write(root)
    stale, broken = tree.differences(root), tree.broken_promises(root)
    if asked.accept and not broken:
        tree.accept(root)
    _report(stale, "run `python -m contracts.generate`")
    _report(broken, WAY_OUT)
    return 1 if stale or broken else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; name each file that is not fresh")
    mode.add_argument("--accept", action="store_true", help="also make the present schemas the baseline")
    return parser.parse_args(arguments)


def _report(lines: Sequence[str], way_out: str) -> None:
    if lines:
        print(*lines, way_out, sep="\n", file=sys.stderr)  # noqa: T201  its words are the program's answer


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], tree.find_root(__file__)))
    except tree.NotACheckout as reason:
        sys.exit(str(reason))
