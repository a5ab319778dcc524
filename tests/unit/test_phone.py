"""Whom a message goes to: each way of writing a phone number or a JID, and what becomes of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.phone import Address, Refused, jid_as_written, parse_group, parse_phone

ISRAEL, INDIA, UNITED_STATES = 972, 91, 1
MOBILE = "972501234567@s.whatsapp.net"

ACCEPTED = [
    ("+972501234567", ISRAEL, MOBILE),
    (" +972 50-123-4567 ", ISRAEL, MOBILE),
    ("(050) 123.4567", ISRAEL, MOBILE),
    ("0501234567", ISRAEL, MOBILE),
    ("501234567", ISRAEL, MOBILE),
    ("972501234567", ISRAEL, MOBILE),
    ("00972501234567", ISRAEL, MOBILE),
    ("+972 (0)50 1234567", ISRAEL, MOBILE),
    ("tel:+972501234567", ISRAEL, MOBILE),
    ("+919812345678", ISRAEL, "919812345678@s.whatsapp.net"),
    ("+1 202 555 0143", ISRAEL, "12025550143@s.whatsapp.net"),
    ("919812345678", ISRAEL, "919812345678@s.whatsapp.net"),
    ("12025550143", ISRAEL, "12025550143@s.whatsapp.net"),
    ("1 (202) 555-0143", ISRAEL, "12025550143@s.whatsapp.net"),
    ("447911123456", ISRAEL, "447911123456@s.whatsapp.net"),
    ("33612345678", ISRAEL, "33612345678@s.whatsapp.net"),
    ("0033612345678", ISRAEL, "33612345678@s.whatsapp.net"),
    ("36301234567", ISRAEL, "36301234567@s.whatsapp.net"),
    ("5511987654321", ISRAEL, "5511987654321@s.whatsapp.net"),
    ("919812345678", INDIA, "919812345678@s.whatsapp.net"),
    ("9198123456", INDIA, "919198123456@s.whatsapp.net"),
    ("12025550143", UNITED_STATES, "12025550143@s.whatsapp.net"),
    ("9720501234567", ISRAEL, MOBILE),
    ("+9720501234567", ISRAEL, MOBILE),
    ("972-050-1234567", ISRAEL, MOBILE),
    ("0721234567", ISRAEL, "972721234567@s.whatsapp.net"),
    ("031234567", ISRAEL, "97231234567@s.whatsapp.net"),
    ("972501234567@s.whatsapp.net", INDIA, MOBILE),
    ("٠٥٠١٢٣٤٥٦٧", ISRAEL, MOBILE),  # as some keyboards write digits
    ("9812345678", INDIA, "919812345678@s.whatsapp.net"),
    ("09812345678", INDIA, "919812345678@s.whatsapp.net"),
    ("2025550143", UNITED_STATES, "12025550143@s.whatsapp.net"),
    ("919812345678@s.whatsapp.net", ISRAEL, "919812345678@s.whatsapp.net"),
    ("123456789012345@lid", ISRAEL, "123456789012345@lid"),
]
REFUSED = [
    ("", "too_short"),
    ("abc", "too_short"),
    ("+", "too_short"),
    ("12345678", "too_short"),
    ("+123 45 67 8", "too_short"),
    ("+123456789", "invalid_format"),
    ("9999999999999999", "invalid_format"),
    ("+0501234567", "invalid_format"),
    ("5.01234567E8", "invalid_format"),
    ("9,72501E+11", "invalid_format"),
    ("+97250123456789012", "invalid_format"),
    ("05012345", "too_short"),
    ("050-1234567 / 052-7654321", "invalid_format"),
    ("1234567890123456@g.us", "invalid_format"),
]


@pytest.mark.parametrize(("written", "country_code", "jid"), ACCEPTED)
def test_a_phone_number_comes_into_one_form(written: str, country_code: int, jid: str):
    assert parse_phone(written, country_code) == Address(jid, "person")


@pytest.mark.parametrize(("written", "reason"), REFUSED)
def test_what_is_no_phone_number_is_refused_with_the_reason(written: str, reason: str):
    assert parse_phone(written, ISRAEL) == Refused(reason)


@pytest.mark.parametrize(
    ("written", "jid"),
    [
        ("050-123 4567", MOBILE),
        ("+972501234567", MOBILE),
        ("972501234567", MOBILE),
        (MOBILE, MOBILE),
        (" 120363000000000001@g.us ", "120363000000000001@g.us"),
        ("12345", "12345@s.whatsapp.net"),
    ],
)
def test_who_is_looked_for_is_found_as_it_was_written_at_the_creation(written: str, jid: str):
    assert jid_as_written(written, ISRAEL) == jid


def test_a_country_code_that_no_country_has_refuses_what_has_none_of_its_own():
    assert parse_phone("0501234567", 999) == Refused("invalid_format")
    assert parse_phone("+972501234567", 999) == Address(MOBILE, "person")


@pytest.mark.parametrize(
    "jid", ["120363000000000001@g.us", "919812345678-1700000000@g.us", " 120363000000000001@g.us\n"]
)
def test_a_group_is_known_by_its_jid_alone(jid: str):
    assert parse_group(jid) == Address(jid.strip(), "group")


@pytest.mark.parametrize(
    "jid", ["", "group", "1@g.us", "120363@s.whatsapp.net", "120363000000000001", "12036 3000@g.us"]
)
def test_what_is_no_group_jid_is_refused(jid: str):
    assert parse_group(jid) == Refused("invalid_format")


JID = re.compile(r"\d{5,20}@(s\.whatsapp\.net|lid)", re.ASCII)
written = st.text(max_size=40) | st.from_regex(r"[+0-9 ()@.-]{0,30}") | st.from_regex(r"\+?\d{8,16}")


@given(written, st.sampled_from([ISRAEL, INDIA, UNITED_STATES, 999]))
def test_anything_at_all_is_either_refused_or_becomes_a_jid(text: str, country_code: int):
    address = parse_phone(text, country_code)
    assert isinstance(address, Refused) or JID.fullmatch(address.jid)


@given(st.integers(500_000_000, 599_999_999), st.sampled_from(["+972{}", "0{}", "{}", "972{}", "+972-{}"]))
def test_every_form_of_one_number_is_one_recipient(number: int, form: str):
    assert parse_phone(form.format(number), ISRAEL) == Address(f"972{number}@s.whatsapp.net", "person")


@given(written)
def test_a_group_jid_is_kept_as_it_is_or_refused(text: str):
    assert parse_group(text) in (Refused("invalid_format"), Address(text.strip(), "group"))
