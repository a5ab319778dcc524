"""A campaign's entries: who is enrolled, who is left out and why, whose message cannot be filled, what is the same."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from contracts.commands import CampaignSpec, RecipientSpec
from dispatcher.enrolment import (
    MAX_INCOMPLETE,
    Accepted,
    Enrolment,
    Incomplete,
    Malformed,
    check,
    schedule_refusal,
)
from dispatcher.translate import to_ms

GROUP = "120363000000000001@g.us"
OTHER = "120363000000000002@g.us"


def enrol(*recipients: RecipientSpec, message: str = "hi", **fields: Any) -> Accepted:
    return check(CampaignSpec("wa_x", message, list(recipients), **fields), 972)


def group(jid: str = GROUP, **fields: Any) -> RecipientSpec:
    return RecipientSpec(group_jid=jid, **fields)


def test_each_is_enrolled_once_in_the_order_of_the_request():
    accepted = enrol(
        group(OTHER), RecipientSpec(phone="0501234567"), group(OTHER), RecipientSpec(phone="+972501234567")
    )
    assert [one.address.jid for one in accepted.recipients] == [OTHER, "972501234567@s.whatsapp.net"]
    assert [(bad.index, bad.reason) for bad in accepted.invalid] == [(2, "duplicate"), (3, "duplicate")]


def test_what_is_left_out_is_named_with_its_reason():
    accepted = enrol(
        RecipientSpec(phone="123"), RecipientSpec(phone="+0001234567890"), group("nonsense"), RecipientSpec()
    )
    reasons = [(bad.index, bad.reason) for bad in accepted.invalid]
    assert reasons == [(0, "too_short"), (1, "invalid_format"), (2, "invalid_format"), (3, "missing")]


def test_a_number_that_a_spreadsheet_has_rounded_is_left_out():
    accepted = enrol(RecipientSpec(phone="9.7250123E+11"), RecipientSpec(phone="9,72501234567E11"))
    assert [bad.reason for bad in accepted.invalid] == ["invalid_format"] * 2


def test_a_malformed_line_counts_as_an_entry_and_keeps_its_line():
    enrolment = Enrolment(CampaignSpec("wa_x", "hi", []), 972)
    enrolment.add(Malformed(2, "too_many_cells"))
    enrolment.add(group())
    [bad] = enrolment.close().invalid
    assert (bad.index, bad.line, bad.reason) == (0, 2, "too_many_cells")


def test_only_what_the_message_wants_is_kept_of_an_entry():
    entry = group(name="Ada", lead_id="L7", fields={"City": "Haifa", "iban": "secret"})
    [one] = enrol(entry, message="{{name}} {{city}} {{lead_id}}").recipients
    assert (one.fields, one.lead_id) == ({"name": "Ada", "city": "Haifa"}, "L7")
    [plain] = enrol(entry, message="hello").recipients
    assert plain.fields is None


def test_an_unknown_field_is_named_with_its_recipient():
    accepted = enrol(group(fields={"city": "Haifa"}), group(OTHER), message="{{city}} {{phone}}")
    assert accepted.incomplete == [Incomplete(0, "phone"), Incomplete(1, "city"), Incomplete(1, "phone")]


def test_of_many_unknown_fields_the_first_are_kept():
    message = "".join(f"{{{{f{number}}}}}" for number in range(1_000))
    entries = [group(f"1203630000000{number:05}@g.us") for number in range(200)]
    accepted = enrol(*entries, message=message)
    assert accepted.incomplete == [Incomplete(0, f"f{number}") for number in range(MAX_INCOMPLETE)]


def test_a_person_brings_its_phone():
    accepted = enrol(RecipientSpec(phone="0501234567"), message="{{phone}}")
    assert (accepted.incomplete, accepted.recipients[0].fields) == ([], None)


def test_a_message_that_becomes_too_long_is_left_out():
    accepted = enrol(group(fields={"x": "y" * 4096}), group(OTHER, fields={"x": "y"}), message="{{x}}" * 17)
    assert [(bad.index, bad.reason) for bad in accepted.invalid] == [(0, "message_too_long")]
    assert [one.address.jid for one in accepted.recipients] == [OTHER]


def test_the_same_is_the_same_whatever_the_order_the_form_of_the_phones_and_the_leads():
    first = enrol(group(), RecipientSpec(phone="050-1234567", lead_id="L1"))
    second = enrol(RecipientSpec(phone="+972 50 123 4567"), group(lead_id="L2"), RecipientSpec(phone="12"))
    assert first.fingerprint == second.fingerprint


def test_whatever_is_sent_otherwise_or_to_others_is_not_the_same():
    due = datetime(2030, 1, 1, tzinfo=UTC)
    requests = [
        enrol(group()),
        enrol(group(OTHER)),
        enrol(group(), group(OTHER)),
        enrol(group(), message="ho"),
        enrol(group(), media_url="https://media.example.com/a.png"),
        enrol(group(), media_url="https://media.example.com/a.png", media_type="image"),
        enrol(group(), scheduled_at=due),
        enrol(group(name="Ada"), message="{{name}}"),
        enrol(group(name="Bob"), message="{{name}}"),
        enrol(group(lead_id="L1"), message="{{lead_id}}"),
        enrol(group(lead_id="L2"), message="{{lead_id}}"),
    ]
    assert len({request.fingerprint for request in requests}) == len(requests)


def test_priority_and_pace_do_not_make_another_campaign():
    assert enrol(group()).fingerprint == enrol(group(), priority="high", delay_seconds=5).fingerprint


FORMS = [
    {"phone": "+972501234567"},
    {"phone": "0501234567"},
    {"phone": "501234567"},
    {"phone": "00972501234567"},
    {"phone": " +972 (0)50-123-4567"},
    {"phone": "972501234567@s.whatsapp.net"},
    {"phone": "972501234567", "lead_id": "L9", "name": "Ada"},
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["phone"])
def test_each_way_to_write_a_recipient_is_the_same_request_and_the_same_recipient(form: dict[str, str]):
    def told(*recipients: RecipientSpec) -> Accepted:
        return check(CampaignSpec("wa_x", "hi", list(recipients)), 972)

    first = RecipientSpec(phone="+972501234567")
    assert told(RecipientSpec(**form)).fingerprint == told(first).fingerprint
    twice = told(first, RecipientSpec(**form))
    assert (len(twice.recipients), [entry.reason for entry in twice.invalid]) == (1, ["duplicate"])


NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAR_WEST = timezone(-timedelta(hours=14))


@pytest.mark.parametrize(
    ("at", "refused"),
    [
        (None, None),
        (NOW - timedelta(days=400), None),
        (datetime(2000, 1, 1, tzinfo=UTC), None),
        (datetime(1999, 12, 31, tzinfo=UTC), "is before the year 2000"),
        (datetime.min.replace(tzinfo=UTC), "is before the year 2000"),
        (NOW + timedelta(days=5 * 365), None),
        (NOW + timedelta(days=5 * 366 + 1), "is more than 1830 days away"),
        (datetime.max.replace(tzinfo=FAR_WEST), "is more than 1830 days away"),
    ],
)
def test_a_campaign_is_not_scheduled_for_a_time_that_nobody_can_mean(
    at: datetime | None, refused: str | None
):
    assert schedule_refusal(CampaignSpec("wa_x", "hi", [], scheduled_at=at), to_ms(NOW), 1830) == refused
