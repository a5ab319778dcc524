"""Signatures: what the `standardwebhooks` library signs is taken, and nothing that was changed afterwards."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from webhook_gateway.signatures import BadSignatureError, Signatures, SignaturesError, read_signatures

NOW = datetime(2026, 2, 15, 10, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"b" * 32).decode()
BODY = b'{"event":"message_sent"}'


def signed(
    body: bytes = BODY, secret: str = SECRET, at: datetime = NOW, message_id: str = "m1"
) -> dict[bytes, bytes]:
    signature = Webhook(secret).sign(message_id, at, body.decode())
    stamp = str(int(at.timestamp()))
    texts = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}
    return {name.encode(): text.encode() for name, text in texts.items()}


def passes(
    signatures: Signatures, headers: dict[bytes, bytes], body: bytes = BODY, tenant: str = "default"
) -> bool:
    try:
        signatures.check(tenant, headers.items(), body, NOW.timestamp())
    except BadSignatureError:
        return False
    return True


REQUIRED = read_signatures("required", f"{SECRET},{OTHER}", 300)
ACCEPTED = read_signatures("accepted", SECRET, 300)


@given(st.text(), st.text("abc-_.0", min_size=1), st.sampled_from([SECRET, OTHER]), st.integers(-300, 300))
def test_what_the_library_signs_is_taken(text, message_id, secret, seconds_off):
    at = datetime.fromtimestamp(NOW.timestamp() + seconds_off, UTC)
    assert passes(REQUIRED, signed(text.encode(), secret, at, message_id), text.encode())


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_that_was_changed_is_not(place, change):
    body = bytearray(BODY)
    body[place] ^= change
    assert not passes(REQUIRED, signed(), bytes(body))


WRONG = [
    {b"webhook-signature": b""},
    {b"webhook-signature": b"v1,"},
    {b"webhook-signature": b"v1a,AAAA"},
    {b"webhook-signature": b"v1,\xff\xff"},
    {b"webhook-signature": signed(secret=OTHER)[b"webhook-signature"]},
    {b"webhook-id": b"m2"},
    {b"webhook-timestamp": b"now"},
    {b"webhook-timestamp": b"-1"},
    {b"webhook-timestamp": b"9" * 400},
    {b"webhook-timestamp": str(int(NOW.timestamp()) + 1).encode()},
]


@pytest.mark.parametrize("change", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("mode", ["accepted", "required"])
def test_a_wrong_signature_is_refused_where_any_is_looked_at(mode, change):
    assert not passes(read_signatures(mode, SECRET, 300), signed() | change)


@pytest.mark.parametrize("missing", [b"webhook-id", b"webhook-timestamp", b"webhook-signature"])
def test_half_a_signature_is_a_wrong_one(missing):
    half = {name: text for name, text in signed().items() if name != missing}
    assert not passes(ACCEPTED, half)
    assert not passes(REQUIRED, half)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_a_replay_out_of_its_window_is_refused(seconds):
    assert not passes(REQUIRED, signed(at=datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)))


def test_without_a_signature_passes_only_who_need_not_sign():
    assert passes(ACCEPTED, {})
    assert not passes(REQUIRED, {})
    assert passes(read_signatures("off", "", 300), {b"webhook-signature": b"nonsense"})


def test_one_of_several_signatures_is_enough():
    both = signed(secret=OTHER)[b"webhook-signature"] + b" " + signed()[b"webhook-signature"]
    assert passes(ACCEPTED, signed() | {b"webhook-signature": both})


def test_each_tenant_has_its_own_mode_and_secrets():
    signatures = read_signatures("acme:required", f"acme:{SECRET}", 300)
    assert passes(signatures, signed(), tenant="acme")
    assert not passes(signatures, signed(secret=OTHER), tenant="acme")
    assert not passes(signatures, {}, tenant="acme")
    assert passes(signatures, {}, tenant="default")
    assert not passes(read_signatures("required", SECRET, 300), signed(), tenant="acme")


@pytest.mark.parametrize(("modes", "secrets"), [
    ("on", ""), ("required", ""), ("acme:required", SECRET), ("a b:off", ""), ("off", "whsec_!!"),
    ("off", "whsec_YWJj"),
])  # fmt: skip
def test_settings_that_cannot_be_worked_with_are_refused_without_a_secret(modes, secrets):
    with pytest.raises(SignaturesError) as refused:
        read_signatures(modes, secrets, 300)
    assert not secrets or secrets not in str(refused.value)
