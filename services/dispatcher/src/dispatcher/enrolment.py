"""A campaign's recipients, entry by entry: valid ones once each with what fills their message, and what is left out."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from contracts.commands import CampaignSpec, RecipientSpec
from dispatcher.domain.campaign import Content
from dispatcher.domain.fingerprint import fingerprint
from dispatcher.domain.phone import Address, Refused, parse_group, parse_phone
from dispatcher.domain.template import filling, fold, lacking, placeholders, render

MAX_TEXT = 65_536
"""So many characters a message may have, its placeholders filled."""
MAX_INCOMPLETE = 100
"""So many missing values of a request are kept: one is enough to refuse it, and no answer tells more."""

EARLIEST_MS = round(datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""No campaign is scheduled for a time before this one: whoever writes it means another."""
DAY_MS = 86_400_000


class Bounds(msgspec.Struct, frozen=True):
    """What the settings allow a campaign: so many recipients, media from these hosts alone (all public ones where there
    are none), and a time at most so many days ahead.
    """

    max_recipients: int
    media_hosts: tuple[str, ...]
    schedule_ahead_days: int


class Enrolled(msgspec.Struct, frozen=True, gc=False):
    """A recipient of a campaign. `fields` fill its message where address and lead do not; None when none do."""

    address: Address
    lead_id: str | None
    fields: dict[str, str] | None = None


class Invalid(msgspec.Struct, frozen=True, gc=False):
    """An entry that was left out; `index` is its place in the request, from 0, `line` its line in a file, from 1."""

    index: int
    reason: str
    address: str | None = None
    line: int | None = None


class Incomplete(msgspec.Struct, frozen=True, gc=False):
    """An entry without a value that the message wants."""

    index: int
    field: str


class Malformed(msgspec.Struct, frozen=True):
    """A line of a file that cannot be read as a recipient."""

    line: int
    reason: str


class Accepted(msgspec.Struct, frozen=True):
    """A request whose recipients were checked. `incomplete` tells the first that are valid but cannot be told their
    message.
    """

    spec: CampaignSpec
    recipients: list[Enrolled]
    invalid: list[Invalid]
    incomplete: list[Incomplete]
    fingerprint: str

    @property
    def content(self) -> Content:
        """What is sent."""
        return content_of(self.spec)


def content_of(spec: CampaignSpec) -> Content:
    """Return what a campaign sends."""
    return Content(spec.message, spec.media_url, spec.media_type)


def scheduled_at_ms(spec: CampaignSpec) -> int | None:
    """Return before when nothing leaves, in epoch ms."""
    return round(spec.scheduled_at.timestamp() * 1000) if spec.scheduled_at else None


def schedule_refusal(spec: CampaignSpec, now_ms: int, ahead_days: int) -> str | None:
    """Return why a campaign cannot be scheduled for its time; None where it can, or is for now."""
    due_at_ms = scheduled_at_ms(spec)
    if due_at_ms is None or EARLIEST_MS <= due_at_ms <= now_ms + ahead_days * DAY_MS:
        return None
    return "is before the year 2000" if due_at_ms < EARLIEST_MS else f"is more than {ahead_days} days away"


def check(spec: CampaignSpec, country_code: int) -> Accepted:
    """Sort a campaign's recipients into valid, invalid and repeated."""
    enrolment = Enrolment(spec, country_code)
    for entry in spec.recipients:
        enrolment.add(entry)
    return enrolment.close()


class Enrolment:
    """Takes entries one by one, and keeps of each only what is needed. `country_code` is for phones that have none."""

    def __init__(self, spec: CampaignSpec, country_code: int) -> None:
        self._spec = spec
        self._country_code = country_code
        self._names = placeholders(spec.message)
        self._recipients: dict[str, Enrolled] = {}
        self._invalid: list[Invalid] = []
        self._incomplete: list[Incomplete] = []
        self.entries = 0

    def add(self, entry: RecipientSpec | Malformed) -> None:
        """Take the next entry."""
        index, self.entries = self.entries, self.entries + 1
        if isinstance(entry, Malformed):
            self._invalid.append(Invalid(index, entry.reason, line=entry.line))
            return
        address = _address(entry, self._country_code)
        if isinstance(address, Refused):
            self._leave_out(index, address.reason, entry)
        elif address.jid in self._recipients:
            self._leave_out(index, "duplicate", entry)
        else:
            self._enrol(index, address, entry)

    def _enrol(self, index: int, address: Address, entry: RecipientSpec) -> None:
        enrolled = Enrolled(address, entry.lead_id)
        if self._names:
            enrolled = Enrolled(address, entry.lead_id, self._fields(address, entry))
            values = filling(address.jid, entry.lead_id, enrolled.fields)
            missing = lacking(self._names, values)
            room = MAX_INCOMPLETE - len(self._incomplete)
            self._incomplete += [Incomplete(index, name) for name in missing[:room]]
            if not missing and len(render(self._spec.message, values)) > MAX_TEXT:
                self._leave_out(index, "message_too_long", entry)
                return
        self._recipients[address.jid] = enrolled

    def _fields(self, address: Address, entry: RecipientSpec) -> dict[str, str] | None:
        """Return what the message wants of an entry and cannot be had from address and lead."""
        known = filling(address.jid, entry.lead_id, None)
        given = {fold(name): text for name, text in entry.fields.items()}
        if entry.name is not None:
            given["name"] = entry.name
        wanted = [name for name in self._names if name not in known and name in given]
        return {name: given[name] for name in wanted} or None

    def _leave_out(self, index: int, reason: str, entry: RecipientSpec) -> None:
        self._invalid.append(Invalid(index, reason, entry.group_jid or entry.phone))

    def close(self) -> Accepted:
        """Return what came of all entries."""
        spec, recipients = self._spec, list(self._recipients.values())
        content = content_of(spec)
        told = fingerprint(spec.session_id, content, scheduled_at_ms(spec), self._addressees())
        return Accepted(spec, recipients, self._invalid, self._incomplete, told)

    def _addressees(self) -> Iterator[tuple[str, dict[str, str] | None]]:
        with_lead = "lead_id" in self._names
        for jid, enrolled in self._recipients.items():
            lead = {"lead_id": enrolled.lead_id} if with_lead and enrolled.lead_id else None
            yield jid, {**enrolled.fields, **(lead or {})} if enrolled.fields else lead


def _address(entry: RecipientSpec, country_code: int) -> Address | Refused:
    if entry.group_jid:
        return parse_group(entry.group_jid)
    return parse_phone(entry.phone, country_code) if entry.phone else Refused("missing")
