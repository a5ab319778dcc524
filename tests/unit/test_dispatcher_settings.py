"""The settings: defaults as promised; a bad value names its variable and never shows a secret."""

from pathlib import Path

import pytest

from dispatcher.settings import BadSetting, Settings, country_codes, read, require_serving

SECRET = "s3cret-that-nobody-may-see"  # that is what is tested
URL = {"DATABASE_URL": "postgresql://user:pw@host/db"}
SERVING = {**URL, "VPS_URL": "http://vps", "VPS_API_KEY": SECRET, "API_KEYS": f"acme:{SECRET}"}

PROMISED = {
    "send_gap_ms": 500,
    "session_lanes": 1,
    "callback_deadline_s": 300,
    "retry_backoff_s": (60, 120, 240, 480, 960),
    "max_attempts": 5,
    "unconfirmed_policy": "hold",
    "send_enabled": True,
    "sweep_s": 30,
    "vps_timeout_s": 10,
}


def test_the_defaults_are_the_promised_ones():
    settings = read(URL)
    assert {name: getattr(settings, name) for name in PROMISED} == PROMISED


def test_every_setting_comes_from_the_variable_of_its_name():
    given = {
        "NATS_URL": "nats://n",
        "VPS_URL": "http://v",
        "VPS_API_KEY": "k",
        "API_HOST": "h",
        "API_PORT": "1",
    }
    given |= {"API_KEYS": "a, t:b ,", "SEND_GAP_MS": "7", "RETRY_BACKOFF_S": "0.5,1", "SEND_ENABLED": "false"}
    settings = read({**URL, **given})
    assert (settings.nats_url, settings.vps_url, settings.vps_api_key) == ("nats://n", "http://v", "k")
    assert (settings.api_host, settings.api_port, settings.api_keys) == ("h", 1, ("a", "t:b"))
    assert (settings.send_gap_ms, settings.retry_backoff_s, settings.send_enabled) == (7, (0.5, 1.0), False)


@pytest.mark.parametrize(
    ("value", "acme", "others"),
    [("", 972, 972), ("91", 91, 91), ("acme:44", 44, 972), ("acme:44, 91", 44, 91)],
)
def test_a_tenant_may_have_a_country_code_of_its_own(value: str, acme: int, others: int):
    codes = country_codes(read({**URL, "DEFAULT_COUNTRY_CODE": value}))
    assert (codes.of("acme"), codes.of("other")) == (acme, others)


def test_an_empty_variable_is_as_if_missing():
    assert read({**URL, "SEND_GAP_MS": "", "NATS_URL": "  "}) == read(URL)


BAD = {
    "API_PORT": ["http", "-1", "65536", "80.5"],
    "API_RATE_PER_S": ["-1", "fast"],
    "MAX_BODY_MB": ["0", "much"],
    "MEDIA_HOSTS": ["https://media.example.com", "*", "a b", "x.org,*.*.org"],
    "SEND_GAP_MS": ["-1", "soon"],
    "SESSION_LANES": ["0", "3", "two"],
    "CALLBACK_DEADLINE_S": ["0", "-5", "x"],
    "RETRY_BACKOFF_S": ["60,x", "60,-1", "0"],
    "MAX_ATTEMPTS": ["0", "1.5"],
    "UNCONFIRMED_POLICY": ["guess", "HOLD"],
    "SEND_ENABLED": ["maybe", "2"],
    "SWEEP_S": ["0", "x"],
    "VPS_TIMEOUT_S": ["0", "ten"],
    "SESSION_PARK_S": ["2,x", "0"],
    "LEASE_S": ["0"],
    "BATCH_SIZE": ["0", "5001"],
    "DATABASE_POOL": ["3"],
    "DEFAULT_COUNTRY_CODE": ["0", "1000", "il", "acme:", "acme:il", "a b:44", "972 44"],
    "CREATION_CHUNK": ["0"],
    "LOG_LEVEL": ["LOUD"],
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_names_its_variable(variable: str, value: str):
    with pytest.raises(BadSetting) as refused:
        read({**SERVING, variable: value})
    assert variable in str(refused.value)
    assert SECRET not in str(refused.value)


def test_every_variable_with_a_rule_is_tried_with_a_bad_value():
    assert set(BAD) <= {name.upper() for name in Settings.__struct_fields__}


@pytest.mark.parametrize("missing", ["VPS_URL", "VPS_API_KEY", "API_KEYS"])
def test_serving_needs_the_vps_and_a_key(missing: str):
    require_serving(read(SERVING))
    with pytest.raises(BadSetting, match=f"^{missing} is not set$"):
        require_serving(read({**SERVING, missing: ""}))


def test_nothing_works_without_a_database():
    with pytest.raises(BadSetting, match=r"^DATABASE_URL is not set$"):
        read({})


@pytest.mark.parametrize(
    "keys", ["changeme", "acme:password", "short-key-15-ch", f"{SECRET},acme:", "acme:TEST"]
)
def test_a_key_that_is_well_known_or_short_is_refused_and_not_shown(keys: str):
    with pytest.raises(BadSetting) as refused:
        require_serving(read({**SERVING, "API_KEYS": keys}))
    assert "API_KEYS" in str(refused.value)
    assert not any(key.rpartition(":")[2] in str(refused.value).split() for key in keys.split(",") if key)


def test_a_secret_may_come_from_a_file(tmp_path: Path):
    (tmp_path / "key").write_text(f"{SECRET}\n")
    settings = read({**URL, "VPS_API_KEY": "unused", "VPS_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.vps_api_key == SECRET


def test_a_file_that_cannot_be_read_is_named_by_its_variable():
    with pytest.raises(BadSetting, match=r"^VPS_API_KEY_FILE cannot be read: No such file"):
        read({**URL, "VPS_API_KEY_FILE": "/nowhere/key"})


def test_the_settings_do_not_show_their_secrets_when_printed():
    assert SECRET not in repr(read(SERVING))
