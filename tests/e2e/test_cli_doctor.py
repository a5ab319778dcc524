"""`dispatcher doctor`: well where all is well, and naming what is wrong where something is."""

from support.operating import Done, operate
from support.system import System

ALONE = True

NOWHERE = "127.0.0.1:1"


async def examined(system: System, expect: int, *options: str, **changed: str) -> Done:
    """Run the doctor with the dispatcher's own settings, some of them changed."""
    environment = {**system._environments["dispatcher"], **changed}
    return await operate(system, "doctor", *options, expect=expect, **environment)


async def wrong(system: System, **changed: str) -> dict[str, str]:
    """What is wrong with these settings, by part."""
    done = await examined(system, 1, "--json", **changed)
    assert all(finding["advice"] for finding in done.json if finding["state"] != "ok")
    return {finding["part"]: finding["seen"] for finding in done.json if finding["state"] == "wrong"}


async def test_a_running_system_is_well(system: System) -> None:
    done = await examined(system, 0)
    assert done.lines[-1][:2] == ["0", "wrong,"]
    assert {line[1] for line in done.lines if line[0] == "ok"} >= {
        *("settings", "keys", "database", "migrations", "relay", "nats", "vps", "dispatcher")
    }


async def test_what_cannot_be_reached_is_named_without_its_password(system: System) -> None:
    database = f"postgresql://somebody:hush-hush@{NOWHERE}/x"
    changed = {"DATABASE_URL": database, "NATS_URL": f"nats://{NOWHERE}", "VPS_URL": f"http://{NOWHERE}"}
    done = await examined(system, 1, **changed)
    assert "hush-hush" not in done.output + done.errors
    assert {line[1] for line in done.lines if line[0] == "wrong"} == {"database", "nats", "vps"}


async def test_a_wrong_key_of_the_vps_is_wrong(system: System) -> None:
    assert await wrong(system, VPS_API_KEY="not-the-key-0123456789") == {"vps": "refuses our key (401)"}


async def test_keys_that_can_be_guessed_or_are_shared_are_wrong(system: System) -> None:
    assert "keys" in await wrong(system, API_KEYS="test")
    key = "a-key-of-two-tenants-4711"
    assert await wrong(system, API_KEYS=f"one:{key},two:{key}") == {"keys": "API_KEYS holds one key twice"}


async def test_settings_that_cannot_be_read_end_the_examination(system: System) -> None:
    assert await wrong(system, API_PORT="many") == {"settings": "API_PORT: Expected `int`, got `str`"}


async def test_a_dispatcher_that_does_not_run_is_worth_knowing(system: System) -> None:
    done = await examined(system, 0, API_PORT="1")
    assert ["warning", "dispatcher", "none"] in [line[:3] for line in done.lines]
