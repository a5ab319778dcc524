"""`dispatcher campaign` and `dispatcher recipient` against a running system."""

import asyncio
import csv
import io
from pathlib import Path

import msgspec

from support.api import FAR_OFF
from support.operating import on_terminal, operate
from support.system import API_KEY, OTHER_API_KEY, System

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def create(system: System, *more: str, count: int = 2) -> tuple[str, list[str]]:
    """Create a campaign by the command line; return its id and its groups."""
    groups = system.new_groups(count)
    to = [word for jid in groups for word in ("--to", jid)]
    done = await operate(
        system, "campaign", "create", "--session", system.new_session(), "--message", "hi", *to, *more
    )
    return done.facts["campaign"], groups


async def test_a_campaign_is_created_watched_and_listed(system: System) -> None:
    campaign, groups = await create(system)
    watched = await operate(system, "campaign", "watch", campaign)
    assert watched.lines[-1][:2] == ["completed", "2/2"]

    shown = await operate(system, "campaign", "show", campaign)
    assert (shown.facts["status"], shown.facts["recipients"], shown.facts["sent"]) == ("completed", "2", "2")
    listed = await operate(system, "campaign", "list")
    assert listed.lines[0][:3] == ["CAMPAIGN", "STATUS", "SESSION"]
    assert [campaign, "completed"] in [line[:2] for line in listed.lines]

    one = await operate(system, "recipient", "show", campaign, groups[0])
    assert (one.facts["recipient"], one.facts["status"]) == (groups[0], "sent")
    steps = await operate(system, "recipient", "history", campaign, groups[0])
    assert {"recipient.queued", "recipient.started", "recipient.sent"} <= {
        line[2] for line in steps.lines[1:]
    }


async def test_recipients_and_message_come_from_files(system: System, tmp_path: Path) -> None:
    recipients, message = tmp_path / "people.csv", tmp_path / "message.txt"
    group = system.new_groups(1)[0]
    recipients.write_text(
        f'\ufeffphone;group_jid;lead_id\n+972501234567;;"L;7"\n;{group};\n\n12;;\n', encoding="utf-8"
    )
    message.write_text("Hello\nthere\n")
    session = system.new_session()
    options = ("--session", session, "--message-file", str(message), "--recipients", str(recipients))
    done = await operate(system, "campaign", "create", *options)
    assert (done.facts["queued"], done.facts["left out"], done.facts["recipient 2"]) == (
        "2",
        "1",
        "too_short",
    )

    await system.api.until_finished(done.facts["campaign"])
    exported = await operate(system, "campaign", "export", done.facts["campaign"])
    rows = list(csv.DictReader(io.StringIO(exported.output)))
    assert [(row["recipient"], row["lead_id"], row["status"]) for row in rows] == [
        ("972501234567@s.whatsapp.net", "L;7", "sent"),
        (group, "", "sent"),
    ]
    sent = await system.ledger(session)
    assert {entry.text for entry in sent.items} == {"Hello\nthere"}


async def test_recipients_come_from_the_input(system: System) -> None:
    given = f"group_jid\n{system.new_groups(1)[0]}\n"
    options = ("--session", system.new_session(), "--message", "hi", "--recipients", "-", "--watch")
    done = await operate(system, "campaign", "create", *options, given=given)
    assert done.lines[-1][:2] == ["completed", "1/1"]


async def test_a_campaign_that_did_not_reach_everybody_ends_the_watch_with_exit_code_one(
    system: System,
) -> None:
    refused = system.new_groups(1)[0]
    await system.vps.put_recipients([refused], reject=1.0, reject_error="Not a WhatsApp account")
    campaign, _ = await create(system, "--to", refused)
    done = await operate(system, "campaign", "watch", campaign, "--json", expect=1)
    looks = [msgspec.json.decode(line) for line in done.output.splitlines()]
    assert (looks[-1]["status"], looks[-1]["failed_count"]) == ("partial", 1)

    one = await operate(system, "recipient", "show", campaign, refused)
    assert one.facts["the VPS said"] == "Not a WhatsApp account"


async def test_an_export_holds_all_recipients_and_can_be_narrowed(system: System, tmp_path: Path) -> None:
    refused = system.new_groups(1)[0]
    await system.vps.put_recipients([refused], reject=1.0)
    campaign, groups = await create(system, "--to", refused, count=3)
    await system.api.until_finished(campaign)

    lines = await operate(system, "campaign", "export", campaign, "--json")
    assert [msgspec.json.decode(line)["recipient"] for line in lines.output.splitlines()] == [
        *groups,
        refused,
    ]
    file = tmp_path / "failed.csv"
    done = await operate(system, "campaign", "export", campaign, "--status", "failed", "-o", str(file))
    assert done.errors == f"1 recipients written to {file}\n"
    assert [row["recipient"] for row in csv.DictReader(file.read_text().splitlines())] == [refused]


async def test_the_json_of_a_list_is_the_answer_of_the_api_and_leads_to_the_next_page(system: System) -> None:
    for _ in range(2):
        await create(system, count=1)
    first = (await operate(system, "campaign", "list", "--limit", "1", "--json")).json
    shown = await operate(system, "campaign", "list", "--limit", "1")
    assert shown.errors == f"there are more: --after {first['next']}\n"
    second = (
        await operate(system, "campaign", "list", "--limit", "1", "--after", first["next"], "--json")
    ).json
    assert first["items"][0]["broadcast_id"] != second["items"][0]["broadcast_id"]


async def test_what_does_not_exist_ends_with_exit_code_three(system: System) -> None:
    done = await operate(system, "campaign", "show", UNKNOWN, expect=3)
    assert done.errors == "dispatcher: there is no such campaign (NOT_FOUND)\n"
    problem = await operate(system, "campaign", "show", UNKNOWN, "--json", expect=3)
    assert (problem.output, msgspec.json.decode(problem.errors)["code"]) == ("", "NOT_FOUND")
    campaign, groups = await create(system, count=1)
    await operate(system, "recipient", "show", campaign, "972500000000", expect=3)
    await operate(system, "recipient", "history", campaign, "972500000000", expect=3)
    await operate(system, "recipient", "show", campaign, groups[0], expect=3, API_KEY=OTHER_API_KEY)


async def test_a_wrong_use_ends_with_exit_code_two_and_says_what_to_mend(
    system: System, tmp_path: Path
) -> None:
    session = ("campaign", "create", "--session", "wa_x")
    nobody = await operate(system, *session, "--message", "hi", expect=2)
    assert (
        nobody.errors == "dispatcher: nobody to send to: give --to, --recipients, --group or --all-groups\n"
    )
    await operate(system, *session, "--to", "+972501234567", expect=2)
    invalid = await operate(system, *session, "--message", "hi", "--to", "12", "--to", "34", expect=2)
    assert "recipient 1: too_short" in invalid.errors
    absent = await operate(system, *session, "--message", "hi", "--recipients", "/nowhere.csv", expect=2)
    assert absent.errors == "dispatcher: /nowhere.csv cannot be read: No such file or directory\n"
    file = tmp_path / "bad.csv"
    file.write_text("name\nDana\n")
    columns = await operate(system, *session, "--message", "hi", "--recipients", str(file), expect=2)
    assert "INVALID_FILE" in columns.errors
    file.write_text("phone,name\n+972501234567,Dana\n+972501234568,\n")
    unfilled = await operate(
        system, *session, "--message", "Dear {{name}}", "--recipients", str(file), expect=2
    )
    assert "recipient 1 has no 'name', which the message wants" in unfilled.errors
    field = await operate(system, *session, "--message", "", "--to", "+972501234567", expect=2)
    assert "field message" in field.errors


async def test_without_a_key_or_with_a_wrong_one_nothing_is_shown(system: System, tmp_path: Path) -> None:
    ours = await system.api.create(system.new_session(), system.new_groups(1))
    none = await operate(system, "campaign", "list", expect=2, API_KEY="")
    assert none.errors.startswith("dispatcher: no key for the API: set API_KEY")
    wrong = await operate(system, "campaign", "list", expect=1, API_KEY="wrong-0123456789abcdef")
    assert "UNAUTHORIZED" in wrong.errors
    file = tmp_path / "key"
    file.write_text(OTHER_API_KEY + "\n")
    other = await operate(system, "campaign", "list", API_KEY="", API_KEY_FILE=str(file))
    assert ours not in other.output
    assert ours in (await operate(system, "campaign", "list")).output


async def test_a_long_file_that_is_refused_at_the_door_tells_why(system: System, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("phone,note\n" + f"+972501234567,{'x' * 1000}\n" * 20_000)
    options = ("--session", "wa_1", "--message", "hi", "--recipients", str(file))
    refused = await operate(
        system, "campaign", "create", *options, expect=1, API_KEY="wrong-0123456789abcdef"
    )
    assert "UNAUTHORIZED" in refused.errors


async def test_a_thousand_recipients_of_a_file_are_taken_and_exported(system: System, tmp_path: Path) -> None:
    file, out = tmp_path / "thousand.csv", tmp_path / "out.csv"
    groups = system.new_groups(1001)
    file.write_text("group_jid,name\n" + "".join(f"{jid},n{at}\n" for at, jid in enumerate(groups)))
    options = ("--session", system.new_session(), "--message", "hi {{name}}", "--recipients", str(file))
    options += ("--at", FAR_OFF)
    done = await operate(system, "campaign", "create", *options)
    assert done.facts["recipients"] == "1001"
    await operate(system, "campaign", "export", done.facts["campaign"], "-o", str(out))
    assert [row["recipient"] for row in csv.DictReader(out.read_text().splitlines())] == groups
    await operate(system, "campaign", "cancel", done.facts["campaign"], "--yes")


async def test_where_a_stack_runs_its_own_file_tells_address_and_key(system: System, tmp_path: Path) -> None:
    campaign, _ = await create(system, count=1)
    stack = {"api_url": system.api.url, "api_key": API_KEY}
    (tmp_path / "stack.json").write_bytes(msgspec.json.encode(stack))
    local = {"LOCAL_DIR": str(tmp_path), "API_KEY": "", "API_URL": ""}
    assert (await operate(system, "campaign", "show", campaign, "--json", **local)).json[
        "broadcast_id"
    ] == campaign


async def test_an_api_that_is_away_is_a_failure_and_a_watch_waits_for_it(system: System) -> None:
    away = await operate(system, "campaign", "list", "--api-url", "http://127.0.0.1:1", expect=1)
    assert away.errors == "dispatcher: no answer from http://127.0.0.1:1: Connection refused\n"

    group = system.new_groups(1)[0]
    await system.vps.put_recipients([group], fail=1.0)
    campaign, _ = await create(system, "--to", group)
    await asyncio.to_thread(
        system.dispatcher.stop
    )  # in order: what a killed one had in hand comes again much later
    watching = asyncio.create_task(operate(system, "campaign", "watch", campaign, expect=1))
    await system.start("dispatcher")
    assert (await watching).lines[-1][:2] == ["partial", "3/3"]


async def test_a_terminal_gets_a_bar_and_colours_and_a_pipe_gets_neither(system: System) -> None:
    campaign, _ = await create(system)
    shown = await on_terminal(system, "campaign", "watch", campaign)
    assert "\x1b[" in shown
    assert "2/2" in shown
    listed = await operate(system, "campaign", "list")
    assert "\x1b" not in listed.output + (await operate(system, "campaign", "watch", campaign)).output


async def test_all_commands_explain_themselves(system: System) -> None:
    for words in ((), ("campaign",), ("campaign", "create"), ("recipient", "show")):
        assert "Usage: dispatcher" in (await operate(system, *words, "--help")).output
