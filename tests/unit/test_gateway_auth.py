"""Keys: who is let in, and which lists of keys are refused at the start."""

import hashlib

import pytest

from webhook_gateway.auth import KeysError, presented_key, read_callers, recognised
from webhook_gateway.rate import RateLimit
from webhook_gateway.settings import SettingsError, read_settings

KEY = "k-2f1c9a7d5e3b8046"
OTHER = "k-77d0b1e4a9c35f82"


def test_any_key_of_the_list_is_recognised_with_its_tenant():
    callers = read_callers(f" {KEY} , acme:{OTHER},\n")
    assert recognised(callers, KEY.encode()).tenant == "default"
    assert recognised(callers, OTHER.encode()).tenant == "acme"


def test_two_keys_of_one_tenant_are_live_at_once_and_counted_apart():
    callers = read_callers(f"acme:{KEY},acme:sha256:{sha256_of(OTHER)}")
    old, new = recognised(callers, KEY.encode()), recognised(callers, OTHER.encode())
    assert (old.tenant, new.tenant) == ("acme", "acme")
    assert old.fingerprint != new.fingerprint


def test_a_caller_holds_no_key():
    assert KEY not in repr(read_callers(f"acme:{KEY}"))


@pytest.mark.parametrize(
    "presented", [None, b"", b"wrong", KEY[:-1].encode(), f"{KEY} ".encode(), KEY.upper().encode(), b"\xff"]
)
def test_anything_else_is_not(presented):
    assert recognised(read_callers(KEY), presented) is None


@pytest.mark.parametrize("text", [
    "", " , ,", "changeme", "CHANGEME", "secret", "test", "password", "api-key", "API_KEY", "your-secret-key",
    "your_webhook_secret_key", "acme:your-webhook-secret-key", "0123456789abcdef", "a" * 32, "short-but-odd-1",
    f"{KEY},admin", f"{KEY},acme:", f":{KEY}", f"ac me:{KEY}",
])  # fmt: skip
def test_an_empty_weak_or_well_known_key_is_refused_without_being_told(text):
    with pytest.raises(KeysError) as refused:
        read_callers(text)
    for entry in text.split(","):
        key = entry.rpartition(":")[2].strip()
        assert not key or key not in str(refused.value) or key in ("test", "secret", "api-key", "password")


def sha256_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_key_may_stand_as_its_hash_which_is_no_key_itself():
    callers = read_callers(f"sha256:{sha256_of(KEY)},acme:sha256:{sha256_of(OTHER).upper()}")
    assert recognised(callers, KEY.encode()).tenant == "default"
    assert recognised(callers, OTHER.encode()).tenant == "acme"
    for presented in (sha256_of(KEY), f"sha256:{sha256_of(KEY)}"):
        assert recognised(callers, presented.encode()) is None


@pytest.mark.parametrize("text", [
    f"sha256:{sha256_of('changeme')}", f"acme:sha256:{sha256_of('secret')}", "sha256:abc", "acme:sha256:abc", "sha256:",
])  # fmt: skip
def test_a_hash_that_is_none_or_of_a_well_known_key_is_refused(text):
    with pytest.raises(KeysError):
        read_callers(text)


def test_the_fingerprint_of_a_key_is_the_same_plain_and_hashed():
    (plain,), (hashed,) = read_callers(KEY), read_callers(f"sha256:{sha256_of(KEY)}")
    assert plain.fingerprint == hashed.fingerprint == sha256_of(KEY)[:8]


@pytest.mark.parametrize(("headers", "key"), [
    ([], None),
    ([(b"x-api-key", b"k")], b"k"),
    ([(b"authorization", b"Bearer k")], b"k"),
    ([(b"authorization", b"bEARER  k")], b"k"),
    ([(b"authorization", b"Basic k")], None),
    ([(b"authorization", b"Bearer b"), (b"x-api-key", b"k")], b"k"),
])  # fmt: skip
def test_the_key_is_taken_from_the_headers(headers, key):
    assert presented_key(headers) == key


def test_a_burst_of_one_second_is_let_through_and_then_the_rate():
    limit = RateLimit(10)
    assert [limit.seconds_to_wait(b"a", 0) for _ in range(10)] == [0] * 10
    assert limit.seconds_to_wait(b"a", 0) == pytest.approx(0.1)
    assert limit.seconds_to_wait(b"b", 0) == 0
    assert limit.seconds_to_wait(b"a", 0.11) == 0


def test_no_limit_is_no_limit():
    limit = RateLimit(0)
    assert all(limit.seconds_to_wait(b"a", 0) == 0 for _ in range(1000))


def test_keys_may_come_from_a_file():
    settings = read_settings(
        {"WEBHOOK_API_KEYS_FILE": "/run/keys"}, {"/run/keys": f"{KEY}\nacme:{OTHER}\n"}.__getitem__
    )
    assert [caller.tenant for caller in read_callers(settings.webhook_api_keys)] == ["default", "acme"]


def test_keys_from_two_places_are_refused():
    with pytest.raises(SettingsError, match="WEBHOOK_API_KEYS"):
        read_settings({"WEBHOOK_API_KEYS": KEY, "WEBHOOK_API_KEYS_FILE": "/run/keys"}, lambda _: OTHER)


def test_settings_do_not_show_what_they_hold():
    assert KEY not in repr(read_settings({"WEBHOOK_API_KEYS": KEY}, lambda _: ""))
