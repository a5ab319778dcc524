"""The demo's proof: it must see a lie, or it proves nothing."""

import msgspec

from local_stack.api_client import Recipient
from local_stack.demo.cases import FAILED, SENT, Case
from local_stack.demo.check import compare
from local_stack.demo.plan import Target
from local_stack.simulator.ledger import Entry

ONE = "120363000000000001@g.us"
TWO = "120363000000000002@g.us"
ENDS_SENT = Case("sent", 1, SENT, {})
ENDS_FAILED = Case("failed", 1, FAILED, {})


def target(jid, case=ENDS_SENT):
    return Target(jid, "wa_a", case)


def shown(jid, status="sent", message_id="3EB0A"):
    return {jid: Recipient(jid, status, 1, message_id)}


def entry(jid, message_id="3EB0A", **changes):
    written = Entry(
        number=1,
        recipient=jid,
        session_id="wa_a",
        message_id=message_id,
        client_ref=None,
        idempotency_key=None,
        sent_at_ms=1,
        text="Hello",
        text_digest="00",
    )
    return msgspec.structs.replace(written, **changes)


def test_a_true_status_is_no_finding():
    assert compare([target(ONE)], shown(ONE), [entry(ONE)]).all_well


def test_a_read_message_counts_as_sent():
    findings = compare([target(ONE)], shown(ONE, "read"), [entry(ONE)])
    assert not findings.untrue


def test_a_recipient_that_the_api_does_not_know_is_lost():
    assert compare([target(ONE)], {}, []).lost == [ONE]


def test_two_messages_to_one_recipient_are_found():
    assert compare([target(ONE)], shown(ONE), [entry(ONE), entry(ONE)]).twice == [ONE]


def test_a_refused_message_and_its_successful_repeat_are_not_twice():
    assert not compare([target(ONE)], shown(ONE), [entry(ONE, "3EB0B", refused=True), entry(ONE)]).twice


def test_sent_without_a_ledger_entry_is_untrue():
    assert compare([target(ONE)], shown(ONE), []).untrue == [ONE]


def test_sent_with_the_id_of_another_message_is_untrue():
    assert compare([target(ONE)], shown(ONE), [entry(ONE, "3EB0B")]).untrue == [ONE]


def test_failed_although_it_was_sent_is_untrue():
    assert compare([target(ONE, ENDS_FAILED)], shown(ONE, "failed"), [entry(ONE)]).untrue == [ONE]


def test_failed_because_it_was_refused_is_true():
    assert compare([target(ONE, ENDS_FAILED)], shown(ONE, "failed"), [entry(ONE, refused=True)]).all_well


def test_a_message_to_somebody_who_was_not_asked_for_is_untrue():
    assert compare([target(ONE)], shown(ONE), [entry(ONE), entry(TWO)]).untrue == [TWO]


def test_another_end_than_the_case_leads_to_is_found():
    assert compare([target(ONE)], shown(ONE, "failed", None), []).unlike_plan == [ONE]
