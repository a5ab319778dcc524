"""Keys of the API: what may stand in API_KEYS, what opens the API, which may be retired, and at which rate they go."""

import re
from hashlib import sha256
from uuid import UUID

import pytest

from dispatcher.api.rate import RateLimit
from dispatcher.composition.given import new_api_key
from dispatcher.domain.api_key import (
    PREFIX,
    BadKey,
    Known,
    digest_of,
    read_entry,
    recognised,
    retirement_refusal,
)

KEY = "acme-4c1f09d2b7e85a36"
HEX = sha256(KEY.encode()).hexdigest()


@pytest.mark.parametrize(
    ("entry", "tenant"),
    [
        (KEY, "default"),
        (f"acme:{KEY}", "acme"),
        (f"sha256:{HEX}", "default"),
        (f"acme:sha256:{HEX}", "acme"),
        (f"acme:sha256:{HEX.upper()}", "acme"),
    ],
)
def test_an_entry_is_a_key_or_its_digest_with_or_without_a_tenant(entry: str, tenant: str):
    assert read_entry(entry, "default") == Known(digest_of(KEY), tenant)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "acme:",
        "acme:changeme",
        "Change_Me Please",
        "supersecretapikey",
        "short-key-15-ch",
        "aaaaaaaaaaaaaaaaaaaa",
        f"sha256:{sha256(b'supersecretapikey').hexdigest()}",
        f"acme:sha256:{sha256(b'').hexdigest()}",
        f"ac me:{KEY}",
        f"a:b:{KEY}",
    ],
)
def test_a_key_that_others_could_know_is_refused_and_not_shown(entry: str):
    with pytest.raises(BadKey) as refused:
        read_entry(entry, "default")
    assert not [part for part in entry.split(":") if len(part) > 7 and part in str(refused.value)]


def test_every_key_is_found_by_itself_alone():
    known = [read_entry(f"t{number}:{KEY}{number}", "") for number in range(3)]
    assert [recognised(known, f"{KEY}{number}") for number in range(3)] == known
    assert recognised(known, KEY) is None
    assert recognised(known, "") is None
    assert recognised(known, f"sha256:{known[0].digest.hex()}") is None


def test_a_made_key_is_long_random_and_recognisable():
    made = {new_api_key() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(PREFIX + "[A-Za-z0-9_-]{43}", key) for key in made)
    assert all(read_entry(key, "default") for key in made)


def refusal(**facts: bool | int) -> str | None:
    usual = {"of_setting": False, "used_for_this": False, "others_live": 1, "force": False}
    return retirement_refusal(**{**usual, **facts})


def test_which_keys_may_be_retired():
    assert refusal() is None
    assert refusal(used_for_this=True) == "API_KEY_IN_USE"
    assert refusal(used_for_this=True, force=True) is None
    assert refusal(others_live=0) == "LAST_API_KEY"
    assert refusal(others_live=0, used_for_this=True, force=True) == "LAST_API_KEY"
    assert refusal(of_setting=True, force=True) == "API_KEY_OF_SETTING"


ONE, TWO = UUID(int=1), UUID(int=2)


def test_a_key_may_go_at_its_rate_and_bursts_of_a_second():
    limit = RateLimit(10)
    assert [limit.seconds_to_wait(ONE, 100.0) for _ in range(10)] == [0.0] * 10
    assert limit.seconds_to_wait(ONE, 100.0) == pytest.approx(0.1)
    assert limit.seconds_to_wait(TWO, 100.0) == 0
    assert limit.seconds_to_wait(ONE, 100.05) == pytest.approx(0.05)
    assert limit.seconds_to_wait(ONE, 100.11) == 0
    assert limit.seconds_to_wait(ONE, 100.11) > 0


def test_a_rest_does_not_make_a_longer_burst():
    limit = RateLimit(2)
    assert [limit.seconds_to_wait(ONE, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert [limit.seconds_to_wait(ONE, 3600.0) > 0 for _ in range(3)] == [False, False, True]


def test_no_limit_and_slow_limits():
    assert not any(RateLimit(0).seconds_to_wait(ONE, 0.0) for _ in range(1000))
    slow = RateLimit(0.5)
    assert slow.seconds_to_wait(ONE, 0.0) == 0
    assert slow.seconds_to_wait(ONE, 0.0) == pytest.approx(2)
