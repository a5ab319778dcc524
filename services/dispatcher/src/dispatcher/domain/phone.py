"""Whom a campaign goes to: JIDs and phone numbers, checked and brought into one form."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec
import phonenumbers

GROUP_JID = re.compile(r"^\d{5,30}(-\d{5,20})?@g\.us$")
PERSON_JID = re.compile(r"^(\d{5,20})@(s\.whatsapp\.net|lid)$")
E164 = re.compile(r"^\+\d{10,15}$")
SCIENTIFIC = re.compile(r"^\d(?:[.,]\d*)?E\+?\d+$", re.IGNORECASE)
"""What a spreadsheet makes of a long number: its last digits are lost."""
MIN_DIGITS = 9

Kind = Literal["group", "person"]

COUNTRY_CODE = re.compile(r"^(?:([A-Za-z0-9_.-]{1,64}):)?([1-9]\d{0,2})$")
"""How a country code is set: for all, or behind a tenant and a colon for that one."""


class BadCountryCode(Exception):
    """What was set is no country code."""


class CountryCodes(msgspec.Struct, frozen=True):
    """Which country code a tenant's phones get that have none."""

    usual: int
    by_tenant: dict[str, int] = {}

    def of(self, tenant: str) -> int:
        """Return a tenant's."""
        return self.by_tenant.get(tenant, self.usual)


def read_country_codes(entries: Iterable[str], usual: int) -> CountryCodes:
    """Return the country codes that are set, each `code` or `tenant:code`; `usual` where no bare one is."""
    by_tenant = {}
    for entry in entries:
        read = COUNTRY_CODE.match(entry)
        if read is None:
            raise BadCountryCode(f"takes digits, as 972, or tenant:digits, not {entry!r}")
        if read[1]:
            by_tenant[read[1]] = int(read[2])
        else:
            usual = int(read[2])
    return CountryCodes(usual, by_tenant)


class Address(msgspec.Struct, frozen=True):
    """A recipient in the one form that the store and the VPS use."""

    jid: str
    kind: Kind


class Refused(msgspec.Struct, frozen=True):
    """Why an entry cannot be sent to."""

    reason: Literal["too_short", "invalid_format", "duplicate", "missing"]


def parse_group(jid: str) -> Address | Refused:
    """Return a group's address."""
    jid = jid.strip()
    return Address(jid, "group") if GROUP_JID.match(jid) else Refused("invalid_format")


def parse_phone(phone: str, country_code: int) -> Address | Refused:
    """Return a person's address from a phone number in any usual form, or from a JID.

    A number without a country code gets `country_code` (972 for Israel), its trunk zero dropped. One without a plus may
    have a country code all the same: it has where it makes a number only so.
    """
    phone = phone.strip()
    if SCIENTIFIC.match(phone):
        return Refused("invalid_format")
    if PERSON_JID.match(phone):
        return Address(phone, "person")
    digits = re.sub(r"\D", "", phone)
    if len(digits) < MIN_DIGITS:
        return Refused("too_short")
    region = phonenumbers.region_code_for_country_code(country_code)
    number = _number(phone, digits, region, has_code=digits.startswith(str(country_code)))
    if number is None or not E164.match(number):
        return Refused("invalid_format")
    return Address(f"{number[1:]}@s.whatsapp.net", "person")


def jid_as_written(address: str, country_code: int) -> str:
    """Return the JID of an address as somebody writes it who looks for it: the one that a creation makes of it, or the
    digits as they are where it would refuse them.
    """
    address = address.strip()
    if "@" in address:
        return address
    parsed = parse_phone(address, country_code)
    return parsed.jid if isinstance(parsed, Address) else f"{address.lstrip('+')}@s.whatsapp.net"


def phone_of(jid: str) -> str | None:
    """Return a person's number as E.164; None for a group, and for a person hidden behind a LID."""
    digits, _, server = jid.partition("@")
    return f"+{digits}" if server == "s.whatsapp.net" else None


def _number(phone: str, digits: str, region: str, *, has_code: bool) -> str | None:
    """Return E.164: of the reading at home and the international one the first that is a number in use, else the first
    that could be one; there the international one goes first where the digits begin with the home country's code.
    """
    written = phone if phone.startswith("+") else digits
    home, abroad = _parsed(written, region), _parsed(f"+{digits}", None)
    tried = [
        (phonenumbers.is_valid_number, (home, abroad)),
        (phonenumbers.is_possible_number, (abroad, home) if has_code else (home, abroad)),
    ]
    for fits, readings in tried:
        for reading in readings:
            if reading is not None and fits(reading):
                return str(phonenumbers.format_number(reading, phonenumbers.PhoneNumberFormat.E164))
    return None


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
