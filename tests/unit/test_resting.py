"""Whatever can rest has a limit, somebody who moves it on, and a line in the README; code and README are one table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.composition.given import Given
from dispatcher.composition.loops import build_loops
from dispatcher.domain.status import FINISHED, OPEN, CampaignStatus
from dispatcher.resting import LISTED, NOBODY, SERVER, TABLE, UNCLAIMED, UNMATCHED, Resting
from dispatcher.sending.vps import Vps
from dispatcher.settings import Settings
from dispatcher.supervision import Health

README = Path(__file__).parents[2] / "services" / "dispatcher" / "README.md"
SETTINGS = Settings(database_url="postgresql://nobody@nowhere/none")


def rendered(resting: Resting) -> str:
    limit = resting.limit if resting.unit == "words" else f"`{resting.limit.upper()}`"
    loop = f"`{resting.loop}`" if resting.loop else ""
    return f"| {resting.state} | {limit} | {resting.action} | {loop} |"


def loops() -> set[str]:
    """The names of all loops, built without any connection."""
    given = Given(SETTINGS, cast("AsyncEngine", None), Client(), Vps("http://nowhere", "key", 1, 1), "me")
    part = cast("Any", SimpleNamespace(wake=None, run=None))
    return set(build_loops(given, part, part, Health()).by_name)


def test_the_readme_shows_the_table_line_by_line():
    before, _, rest = README.read_text().partition("| state | limit | then | by |\n|---|---|---|---|\n")
    assert before
    assert rest.partition("\n\n")[0].splitlines() == [rendered(resting) for resting in TABLE]


def test_every_loop_of_the_table_runs():
    named = {resting.loop for resting in TABLE} - {LISTED, SERVER, NOBODY}
    assert named - loops() == set()


def test_every_loop_that_moves_something_on_has_a_line():
    moves_nothing_on = {"notifications", "verify_store"}
    assert loops() - moves_nothing_on == {resting.loop for resting in TABLE} - {LISTED, SERVER, NOBODY}


@pytest.mark.parametrize("status", sorted(OPEN))
def test_every_open_status_of_a_recipient_has_a_line(status: str):
    assert any(resting.state.startswith("recipient") and f"`{status}`" in resting.state for resting in TABLE)


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - FINISHED - {CampaignStatus.CANCELLED}))
def test_every_open_status_of_a_campaign_has_a_line(status: str):
    assert any(resting.state.startswith("campaign") and f"`{status}`" in resting.state for resting in TABLE)


def test_every_limit_is_a_setting_or_said_in_words():
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert {resting.limit for resting in TABLE if resting.unit == "setting"} <= fields


def test_a_limit_is_seconds_or_days():
    assert UNMATCHED.limit_ms(SETTINGS) == 60_000
    assert UNCLAIMED.limit_ms(SETTINGS) == 30 * 86_400_000
