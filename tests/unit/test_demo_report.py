"""The demo's words: what a newcomer and a program read at the end."""

import io

import msgspec
from rich.console import Console

from local_stack.api_client import Campaign, Recipient
from local_stack.demo.cases import FAILED, SENT, Case
from local_stack.demo.check import Findings
from local_stack.demo.plan import Target
from local_stack.demo.progress import CampaignProgress, plain_line
from local_stack.demo.report import Row, last_line, rows_of, some, summarise, table_of, totals_of, verdict_of

CALM = Case("sent at once", 2, SENT, {})
REJECTED = Case("rejected", 1, FAILED, {"reject": 1.0})
TARGETS = [Target("1@g.us", "wa_a", CALM), Target("2@g.us", "wa_b", CALM), Target("3@g.us", "wa_a", REJECTED)]
SHOWN = {
    "1@g.us": Recipient("1@g.us", "sent"),
    "2@g.us": Recipient("2@g.us", "read"),
    "3@g.us": Recipient("3@g.us", "failed"),
}
NOTHING = Findings([], [], [], [])
CAMPAIGN = Campaign("b", "running", 3, {}, sent_count=1, failed_count=1)


def test_a_row_says_how_the_messages_of_a_case_ended():
    assert rows_of((CALM, REJECTED), TARGETS, SHOWN) == [
        Row("sent at once", 2, "sent 1, read 1", as_it_must=False),
        Row("rejected", 1, "failed 1", as_it_must=True),
    ]


def test_a_recipient_that_is_missing_shows_in_its_row():
    assert rows_of((REJECTED,), TARGETS, {}) == [Row("rejected", 1, "lost 1", as_it_must=False)]


def test_the_table_shows_each_row():
    console = Console(file=io.StringIO(), width=120)
    console.print(table_of(rows_of((CALM, REJECTED), TARGETS, SHOWN)))
    assert "rejected" in console.file.getvalue()
    assert "failed 1" in console.file.getvalue()


def test_the_verdict_names_what_is_wrong_and_only_that():
    lines = verdict_of(Findings(["1@g.us"], [], [], []), rebuild_ok=True)
    assert [line for line in lines if "BAD" in line] == ["  BAD  lost: 1@g.us"]


def test_the_verdict_says_when_a_rebuild_differs():
    assert "BAD" in verdict_of(NOTHING, rebuild_ok=False)[-1]


def test_a_long_list_is_cut():
    assert some(["a", "b", "c"], limit=2) == "a, b and 1 more"


def test_the_last_line_is_json_after_one_word():
    summary = summarise(TARGETS, SHOWN, NOTHING, ledger=2, rebuild_ok=True, seconds=12.34)
    word, _, text = last_line(summary).partition(" ")
    counts = msgspec.json.decode(text)
    assert word == "DEMO"
    assert counts["ok"] is True
    assert (counts["recipients"], counts["sessions"], counts["sent"], counts["failed"], counts["open"]) == (
        3,
        2,
        2,
        1,
        0,
    )


def test_the_totals_are_told_in_words():
    summary = summarise(TARGETS, SHOWN, NOTHING, ledger=2, rebuild_ok=True, seconds=1)
    assert totals_of(summary).startswith("We show 2 sent (read ones with them), 1 failed, 0 open")


def test_a_difference_of_the_rebuild_is_not_ok():
    assert not summarise(TARGETS, SHOWN, NOTHING, ledger=2, rebuild_ok=False, seconds=1).ok


def test_plain_progress_is_one_line_for_all_campaigns():
    assert plain_line({"wa_a": CAMPAIGN, "wa_b": CAMPAIGN}) == "sent 2, failed 2 (wa_a 2/3, wa_b 2/3)"


def test_plain_progress_prints_at_most_one_line_in_two_seconds():
    console = Console(file=io.StringIO(), width=200)
    with CampaignProgress(console) as progress:
        for now in (10.0, 10.5, 11.9, 12.0, 13.0):
            progress.show({"wa_a": CAMPAIGN}, now)
    assert len(console.file.getvalue().splitlines()) == 2


def test_a_terminal_shows_one_bar_for_each_session():
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with CampaignProgress(console) as progress:
        progress.show({"wa_a": CAMPAIGN, "wa_b": CAMPAIGN}, 0.0)
    assert "wa_b" in console.file.getvalue()
