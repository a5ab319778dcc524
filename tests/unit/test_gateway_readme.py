"""The gateway's README says how long repeats are known."""

import re
from pathlib import Path

from contracts.streams import DELIVERIES, MINUTE

README = Path(__file__).parents[2] / "services" / "webhook-gateway" / "README.md"


def test_the_readme_says_how_long_nats_and_the_gateway_know_what_was_stored():
    named = re.findall(
        r"(?:stored in the last|drops it for) (\d+) minutes", " ".join(README.read_text().split())
    )
    assert [int(minutes) * MINUTE for minutes in named] == [DELIVERIES.dedup_seconds] * 2
