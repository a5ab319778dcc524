"""The command line's pure parts: where the API is, what a failure says, how fast a campaign goes, what is shown."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType

from dispatcher.cli import display, listing, place
from dispatcher.cli.answers import Campaign
from dispatcher.cli.client import failure_of, path_of
from dispatcher.cli.exits import Exit, Failure
from dispatcher.cli.rate import Rate, in_words
from dispatcher.cli.screens import Look, words_of
from dispatcher.translate import EARLIEST, LATEST

SERVER_PARTS = ("aiohttp", "alembic", "asyncpg", "granian", "litestar", "nats", "sqlalchemy", "uvloop")


def test_a_given_address_never_takes_the_key_of_a_stack_that_happens_to_run_here(tmp_path: Path):
    (tmp_path / "stack.json").write_text('{"api_url": "http://127.0.0.1:1", "api_key": "local"}')
    local = {"LOCAL_DIR": str(tmp_path)}
    assert place.find(None, None, local) == place.Place("http://127.0.0.1:1", "local")
    assert place.find(None, "mine", local) == place.Place(place.DEFAULT_URL, "mine")
    with pytest.raises(Failure, match="no key"):
        place.find("https://elsewhere", None, local)


@pytest.mark.parametrize("text", ["{", "[]", '{"api_url": 1}'])
def test_a_stack_file_that_cannot_be_read_is_no_stack(tmp_path: Path, text: str):
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(Failure, match="no key"):
        place.find(None, None, {"LOCAL_DIR": str(tmp_path)})


def test_the_doctor_looks_at_the_stack_that_runs_here_unless_it_is_told_of_a_database(tmp_path: Path):
    stack = {
        "api_url": "http://127.0.0.1:8123",
        "api_key": "local",
        "database_url": "postgresql://here",
        "nats_url": "nats://here",
        "vps_url": "http://vps",
        "vps_api_key": "vps-key",
        "nats_monitor_url": "http://monitor",
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    local = {"LOCAL_DIR": str(tmp_path), "NATS_URL": "nats://there"}
    found = place.surroundings(local)
    assert (found["DATABASE_URL"], found["API_PORT"], found["API_KEYS"]) == (
        "postgresql://here",
        "8123",
        "local",
    )
    assert (found["NATS_URL"], found["NATS_MONITOR_URL"]) == ("nats://there", "http://monitor")
    told = {**local, "DATABASE_URL": "postgresql://mine"}
    assert place.surroundings(told) == told


@pytest.mark.parametrize("url", ["127.0.0.1:8081", "ftp://x", "http://", "nonsense"])
def test_an_address_that_is_none_is_a_wrong_use(url: str):
    with pytest.raises(Failure) as raised:
        place.find(url, "key", {})
    assert raised.value.code is Exit.USAGE


@pytest.mark.parametrize(
    ("status", "body", "code", "text"),
    [
        (404, {"detail": "no such campaign", "code": "NOT_FOUND"}, 3, "no such campaign (NOT_FOUND)"),
        (409, {"detail": "it is finished", "code": "FINISHED"}, 4, "it is finished (FINISHED)"),
        (400, {"detail": "too long", "field": "message"}, 2, "too long (field message)"),
        (503, {"detail": "off", "code": "WHATSAPP_NOT_CONNECTED"}, 4, "off (WHATSAPP_NOT_CONNECTED)"),
        (503, {"title": "Service Unavailable"}, 1, "Service Unavailable"),
        (500, {}, 1, "HTTP 500"),
        (502, None, 1, "HTTP 502: Bad Gateway"),
        (308, None, 1, "HTTP 308: Permanent Redirect"),
    ],
)  # fmt: skip
def test_what_the_api_refuses_becomes_an_exit_code_and_one_line(
    status: int, body: object, code: int, text: str
):
    failure = failure_of(status, b"<html>" if body is None else json.dumps(body).encode())
    assert (failure.code, str(failure)) == (code, text)


def test_a_failure_names_the_first_invalid_recipients():
    invalid = [{"index": index, "reason": "too_short"} for index in range(12)]
    failure = failure_of(400, json.dumps({"detail": "none", "invalid_recipients": invalid}).encode())
    lines = str(failure).splitlines()
    assert (lines[1], lines[-1], len(lines)) == ("  recipient 0: too_short", "  and 2 more", 12)


def test_ids_cannot_leave_their_place_in_a_path():
    assert path_of("campaigns", "../x?y", "recipients", "+97 2@g.us") == (
        "/api/campaigns/..%2Fx%3Fy/recipients/%2B97%202%40g.us"
    )


def test_the_rate_is_that_of_the_last_half_minute():
    rate = Rate(window_seconds=30)
    assert (rate.per_second, rate.seconds_left(10)) == (0.0, None)
    for now in range(101):
        rate.add(now, min(now, 50) * 2)
    assert rate.per_second == 0.0
    for now in range(101, 131):
        rate.add(now, 100 + (now - 100) * 4)
    assert rate.per_second == pytest.approx(4.0)
    assert rate.seconds_left(80) == pytest.approx(20)


def test_a_number_that_shrinks_is_no_negative_rate():
    rate = Rate()
    rate.add(0, 10)
    rate.add(1, 5)
    assert (rate.per_second, rate.seconds_left(5)) == (0.0, None)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_lengths_of_time_are_told_in_words(seconds: float, words: str):
    assert in_words(seconds) == words


def look(status: str, **counts: int) -> Look:
    at = "2026-03-01T10:00:00+00:00"
    campaign = Campaign("id", status, "wa_1", "normal", 10, counts, 0, 0, 0, at)  # type: ignore[arg-type]
    return Look(campaign, b"", 2.0, 3.0, 0.0)


def test_a_look_tells_rate_and_time_left_only_while_something_goes_on():
    assert words_of(look("running", sent=4, failed=0, queued=6)) == ["sent 4", "2.0/s", "3 s left"]
    assert words_of(look("paused", sent=4, queued=6)) == ["sent 4", "2.0/s"]
    assert words_of(look("completed", sent=10)) == ["sent 10"]
    later = look("scheduled", queued=10)
    later = msgspec.structs.replace(later, campaign=msgspec.structs.replace(later.campaign, scheduled_at=AT))
    assert words_of(later)[0] == f"starts {AT.astimezone():%Y-%m-%d %H:%M}"


def rendered(table: RenderableType, width: int = 200) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_what_a_vps_says_cannot_steer_the_terminal():
    shown = rendered(listing.table(("ERROR",), [("\x1b[2J[red]boom[/red]\x9b1m",)]))
    assert (
        shown.splitlines()[1].strip()
        == "\N{REPLACEMENT CHARACTER}[2J[red]boom[/red]\N{REPLACEMENT CHARACTER}1m"
    )


def test_what_is_not_known_is_left_out_of_a_sheet_and_marked_in_a_table():
    assert rendered(display.sheet([("a", None), ("b", 0), ("c", False)])).split() == ["b", "0", "c", "no"]
    assert rendered(listing.table(("A", "B"), [(None, 1)])).split() == ["A", "B", "-", "1"]


ID = "456b8328-69ea-444c-a254-799691035232"
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_at_a_narrow_terminal_no_id_and_no_time_is_broken():
    wide = listing.table(("CAMPAIGN", "CREATED", "LAST USED", "WHAT"), [(ID, AT, AT, "it failed")] * 2)
    assert len(rendered(wide).splitlines()) == 3
    narrow = rendered(wide, 80)
    assert narrow.count(ID) == 2
    assert len(narrow.splitlines()) == 2 * 4 + 1, "a sheet for each line, and an empty line between them"
    assert all(len(line) <= 80 for line in narrow.splitlines())


def test_columns_that_matter_less_give_way_before_the_table_does():
    table = listing.table(
        ("CAMPAIGN", "STATUS", "TOTAL", "CREATED"), [(ID, "completed", 100_000, AT)], spare=1
    )
    assert rendered(table, 80).splitlines()[0].split() == ["CAMPAIGN", "STATUS", "TOTAL", "CREATED"]
    assert rendered(table, 70).splitlines()[0].split() == ["CAMPAIGN", "STATUS", "TOTAL"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dispatcher ", {"campaign", "recipient", "session", "group", "attention", "dead", "key", "doctor"}),
        (
            "dispatcher campaign ",
            {
                *(
                    "create",
                    "list",
                    "show",
                    "watch",
                    "pause",
                    "resume",
                    "cancel",
                    "retry",
                    "verify",
                    "confirm",
                ),
                "export",
            },
        ),
        ("dispatcher campaign export x --status ", {"failed", "unconfirmed", "sent"}),
        ("dispatcher campaign create --pri", {"--priority"}),
    ],
)
def test_the_shell_completes_commands_options_and_words(line: str, offered: set[str]):
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    environment = {**os.environ, **asked, "_DISPATCHER_COMPLETE": "complete_bash"}
    told = subprocess.check_output([sys.executable, "-m", "dispatcher"], env=environment, text=True)
    assert set(told.split()) >= offered


def test_the_program_starts_without_the_parts_of_a_server():
    script = f"import sys, dispatcher.__main__; print([p for p in {SERVER_PARTS!r} if p in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


@pytest.mark.parametrize(("zone", "at"), [("Asia/Jerusalem", LATEST), ("America/New_York", EARLIEST)])
def test_a_time_that_has_no_local_form_is_shown_in_its_own_zone(
    zone: str, at: datetime, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as there:
        there.setenv("TZ", zone)
        time.tzset()
        shown = display.cell(at).plain
    time.tzset()
    assert shown == f"{at:%Y-%m-%d %H:%M:%S}"
